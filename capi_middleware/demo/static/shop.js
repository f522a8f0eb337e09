/* The small "buy" buttons add without leaving the page. Without JavaScript they are ordinary forms. */
(function () {
  "use strict";
  var toast = document.querySelector(".toast");
  var count = document.querySelector("[data-cart-count]");
  var timer = 0;

  function say(text, kind) {
    toast.textContent = text;
    toast.className = "toast " + kind;
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(function () { toast.hidden = true; }, 3500);
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.classList.contains("quick")) return;
    event.preventDefault();
    var button = form.querySelector("button");
    button.disabled = true;
    fetch("/api/varukorg", {
      method: "POST",
      headers: {"Content-Type": "application/json", "Accept": "application/json"},
      body: JSON.stringify({product_id: form.elements.product_id.value, antal: 1})
    }).then(function (answer) {
      return answer.json();
    }).then(function (body) {
      if (body.success) count.textContent = body.cart.count;
      say(body.message, body.success ? "success" : "error");
    }).catch(function () {
      form.submit();
    }).finally(function () {
      button.disabled = false;
    });
  });
})();

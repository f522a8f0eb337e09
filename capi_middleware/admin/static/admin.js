// The admin pages work without this file; it makes them live.
(function () {
  "use strict";
  const own = document.currentScript;

  // On a narrow screen the tabs are wider than it: the one in use is in view.
  const tab = document.querySelector(".tabs [aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;

  for (const wide of document.querySelectorAll(".wide")) wide.scrollLeft = wide.scrollWidth;  // the latest hours

  // What is typed in secret may be looked at; it is secret again when it is sent.
  for (const input of document.querySelectorAll(".secret input")) {
    const button = document.createElement("button");
    const label = document.querySelector("label[for=" + input.id + "]").textContent;
    const hide = function (hidden) {
      input.type = hidden ? "password" : "text";
      button.textContent = hidden ? own.dataset.show : own.dataset.hide;
      button.setAttribute("aria-label", button.textContent + ": " + label);
    };
    button.type = "button";
    button.addEventListener("click", function () { hide(input.type === "text"); input.focus(); });
    input.form.addEventListener("submit", function () { hide(true); });
    hide(true);
    input.after(button);
  }

  const file = document.querySelector("[data-download]");
  if (file) {
    history.replaceState(null, "", location.pathname + location.search.replace(/[?&]download=1/, ""));
    location.assign(file.href);
  }

  // Fields that matter only with one choice of a select.
  for (const part of document.querySelectorAll("[data-when]")) {
    const [name, ...values] = part.dataset.when.split(" "), select = document.getElementById(name);
    const look = function () { part.hidden = !values.includes(select.value); };
    select.addEventListener("change", look);
    look();
  }

  // Rows come from our own server, escaped there: the one policy that the page's CSP allows, for this one purpose.
  const policy = window.trustedTypes ? trustedTypes.createPolicy("rows", {createHTML: (html) => html}) : {createHTML: String};
  function rowsOf(html) {
    return new DOMParser().parseFromString(policy.createHTML("<table><tbody>" + html + "</tbody></table>"), "text/html")
      .querySelectorAll("tbody > tr");
  }

  // Asks again and again while the page is looked at; more seldom after two quiet minutes.
  function poll(url, seconds, took) {
    let etag = "", quiet = 0, stopped = false, timer = 0, ended = false;
    async function ask() {
      clearTimeout(timer);
      if (!document.hidden && !stopped) {
        try {
          const answer = await fetch(url, {headers: etag ? {"If-None-Match": etag} : {}, cache: "no-store"});
          if (answer.redirected || answer.status === 403) { ended = true; return; }
          if (answer.status === 200) {
            etag = answer.headers.get("ETag") || "";
            quiet = 0;
            took(await answer.text());
          }
        } catch (error) { /* the network is away: the next try may find it */ }
        quiet += seconds;
      }
      clearTimeout(timer);
      timer = setTimeout(ask, (quiet > 120 ? 10 : seconds) * 1000);
    }
    timer = setTimeout(ask, 300);
    // Who comes back from the shop's tab sees at once what has happened: a browser's timers sleep in a hidden one.
    document.addEventListener("visibilitychange", function () {
      if (document.hidden || ended) return;
      quiet = 0;
      ask();
    });
    return function () { stopped = !stopped; return stopped; };
  }

  const live = document.querySelector("[data-live]");
  if (live) {
    const said = document.querySelector("[data-announce]"), button = document.querySelector("[data-pause]");
    let lastSaid = 0, first = live.querySelector("a") && live.querySelector("a").href;
    const toggle = poll(live.dataset.live, 1.5, function (html) {
      const focused = document.activeElement && live.contains(document.activeElement) ? document.activeElement.href : "";
      live.replaceChildren(...rowsOf(html));
      if (focused) for (const link of live.querySelectorAll("a")) if (link.href === focused) link.focus();
      const empty = document.querySelector(".empty");
      if (live.children.length) {
        live.closest(".list").hidden = false;
        if (empty) empty.remove();
      }
      const newest = live.querySelector("a") && live.querySelector("a").href;
      if (newest !== first && Date.now() - lastSaid > 10000) {
        said.textContent = said.dataset.announce;
        lastSaid = Date.now();
      }
      first = newest;
    });
    if (button) {
      const stop = button.textContent;
      button.hidden = false;
      button.addEventListener("click", function () { button.textContent = toggle() ? button.dataset.resume : stop; });
    }
  }

  const steps = document.querySelector("[data-steps]");
  if (steps) {
    poll(steps.dataset.steps, 0.4, function (text) {
      let done = 0;
      for (const step of JSON.parse(text).steps) {
        const item = steps.querySelector('[data-step="' + step.name + '"]');
        item.classList.toggle("done", step.paired);
        done += step.paired ? 1 : 0;
        for (const leg of ["browser", "server"]) {
          const mark = item.querySelector('[data-leg="' + leg + '"]'), word = step[leg + "_text"];
          mark.className = "leg " + step[leg];
          mark.querySelector("[data-word]").textContent = word ? ": " + word : "";
        }
        const said = item.querySelector("[data-text]");
        if (said.textContent !== step.text) said.textContent = step.text;
      }
      document.querySelector("[data-all-done]").hidden = done < 3;
      for (const part of document.querySelectorAll("[data-until-done]")) part.hidden = done >= 3;
    });
  }

  // Pixel ID and token: looked at as they are typed, then asked of Meta, before anything is saved.
  const connect = document.querySelector("[data-connect]");
  if (connect) {
    const words = JSON.parse(document.getElementById("words").textContent);
    const pixel = connect.elements.pixel_id, token = connect.elements.access_token;
    const checked = connect.querySelector("[data-checked]");
    let timer = 0, asked = 0;
    const show = function (input, text) {
      const wrong = document.getElementById(input.id + "-wrong");
      wrong.textContent = text;
      wrong.hidden = !text;
      if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    };
    const tidy = (input) => input.value.replace(/[\s"'“”‘’]/g, "").replace(/^access_token=|^Bearer/, "");
    const pixelWrong = function () {
      const text = tidy(pixel);
      if (!text) return "";
      if (/^EAA/.test(text)) return words.swapped;
      if (/\D/.test(text)) return words.digits;
      return text.length < 10 ? words.few : text.length > 20 ? words.many : "";
    };
    const tokenWrong = function () {
      const text = tidy(token);
      if (!text) return "";
      if (/^\d{10,20}$/.test(text)) return words.number;
      return text.length < 20 ? words.short : "";
    };
    const ask = async function () {
      const mine = ++asked;
      checked.className = "checked";
      checked.textContent = checked.dataset.asking;
      try {
        const answer = await fetch(connect.dataset.connect, {method: "POST", body: new FormData(connect)});
        const said = answer.ok ? await answer.json() : {problems: {}, text: ""};
        if (mine !== asked) return;
        show(pixel, said.problems.pixel_id || "");
        show(token, said.problems.access_token || "");
        checked.textContent = said.text || "";
        checked.className = "checked " + (said.ok ? "ok" : "bad");
      } catch (error) { if (mine === asked) checked.textContent = ""; }
    };
    const look = function () {
      clearTimeout(timer);
      asked++;
      checked.textContent = "";
      timer = setTimeout(function () {
        const turned = pixelWrong() === words.swapped && tokenWrong() === words.number;
        if (turned) [pixel.value, token.value] = [tidy(token), tidy(pixel)];
        const wrong = [pixelWrong(), tokenWrong()];
        if (turned) checked.textContent = words.turned;
        show(pixel, wrong[0]);
        show(token, wrong[1]);
        if (!wrong[0] && !wrong[1] && tidy(pixel) && tidy(token)) ask();
      }, 600);
    };
    pixel.addEventListener("input", look);
    token.addEventListener("input", look);
  }

  const first = document.querySelector("[data-summary], [aria-invalid]");
  if (first) first.focus();
})();

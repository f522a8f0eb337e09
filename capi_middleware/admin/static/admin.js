// The admin pages work without this file; it makes them live.
(function () {
  "use strict";

  // Rows come from our own server, escaped there: the one policy that the page's CSP allows, for this one purpose.
  const policy = window.trustedTypes ? trustedTypes.createPolicy("rows", {createHTML: (html) => html}) : {createHTML: String};
  function rowsOf(html) {
    return new DOMParser().parseFromString(policy.createHTML("<table><tbody>" + html + "</tbody></table>"), "text/html")
      .querySelectorAll("tbody > tr");
  }

  function poll(url, seconds, took) {
    let etag = "", quiet = 0;
    async function ask() {
      if (!document.hidden) {
        try {
          const answer = await fetch(url, {headers: etag ? {"If-None-Match": etag} : {}, cache: "no-store"});
          if (answer.status === 200) {
            etag = answer.headers.get("ETag") || "";
            quiet = 0;
            took(await answer.text());
          } else if (answer.redirected || answer.status === 403) {
            return;
          }
        } catch (error) { /* the network is away: the next try may find it */ }
        quiet += seconds;
      }
      setTimeout(ask, (quiet > 120 ? 10 : seconds) * 1000);
    }
    setTimeout(ask, seconds * 1000);
  }

  const live = document.querySelector("[data-live]");
  if (live) {
    const said = document.querySelector("[data-announce]");
    let lastSaid = 0, first = live.querySelector("a") && live.querySelector("a").href;
    poll(live.dataset.live, 1.5, function (html) {
      live.replaceChildren(...rowsOf(html));
      const empty = document.querySelector(".empty");
      if (empty && live.children.length) empty.remove();
      const newest = live.querySelector("a") && live.querySelector("a").href;
      if (newest !== first && Date.now() - lastSaid > 10000) {
        said.textContent = said.dataset.announce;
        lastSaid = Date.now();
      }
      first = newest;
    });
  }

  const steps = document.querySelector("[data-steps]");
  if (steps) {
    poll(steps.dataset.steps, 1, function (text) {
      let done = 0;
      for (const step of JSON.parse(text).steps) {
        const item = steps.querySelector('[data-step="' + step.name + '"]');
        item.classList.toggle("done", step.paired);
        done += step.paired ? 1 : 0;
        for (const leg of ["browser", "server"]) item.querySelector('[data-leg="' + leg + '"]').className = "leg " + step[leg];
        const said = item.querySelector("[data-text]");
        if (said.textContent !== step.text) said.textContent = step.text;
      }
      document.querySelector("[data-all-done]").hidden = done < 3;
    });
  }

  const first = document.querySelector("[aria-invalid]");
  if (first) first.focus();
})();

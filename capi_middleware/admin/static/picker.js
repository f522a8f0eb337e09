// The point-and-click bar: the owner picks a button or a price in the shop itself. It comes into pages only where the
// owner's signed cookie asks for it, lives in a shadow root, and publishes nothing: a pick ends in a draft on the
// admin page, where the shop's own scripts cannot press the button.
(function () {
  "use strict";
  const script = document.currentScript;
  if (!script || window.top !== window || document.documentElement.hasAttribute("data-shop-picker")) return;
  document.documentElement.setAttribute("data-shop-picker", "");
  const base = new URL(script.src).pathname.split("/static/")[0] + "/";

  const style = `
    :host{all:initial}
    *{box-sizing:border-box;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
    .frame{position:fixed;z-index:2147483646;pointer-events:none;border:3px solid #2f6fb0;background:rgba(47,111,176,.14);border-radius:4px;display:none}
    .bar{position:fixed;z-index:2147483647;left:50%;bottom:12px;transform:translateX(-50%);width:min(44rem,calc(100vw - 16px));max-height:70vh;overflow:auto;background:#fff;color:#14232e;border:1px solid #7d8c88;border-radius:14px;box-shadow:0 8px 32px rgba(0,0,0,.28);padding:12px 16px}
    .bar.top{bottom:auto;top:12px}
    .row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
    p{margin:6px 0}b{font-weight:700}.soft{color:#4c5c68}.said{font-weight:600}.bad{color:#9a1b1b}
    button,select{min-height:40px;border-radius:8px;border:1px solid #0b5c4d;background:#fff;color:#0b5c4d;padding:6px 14px;font-weight:600;cursor:pointer;max-width:100%}
    select{font-weight:400;color:#14232e;border-color:#7d8c88}
    button.main{background:#0b5c4d;color:#fff}button.quiet{border-color:transparent;color:#4c5c68;font-weight:400;text-decoration:underline}
    button[aria-pressed=true]{background:#2f6fb0;border-color:#2f6fb0;color:#fff}
    label{display:grid;gap:2px;color:#4c5c68;flex:1 1 9rem}
    :focus-visible{outline:3px solid #2f6fb0;outline-offset:2px}`;

  const host = document.createElement("div");
  const root = host.attachShadow({mode: "open"});
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];
  const make = function (tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (name in element) element[name] = value; else element.setAttribute(name, value);
    }
    element.append(...children.filter(Boolean));
    return element;
  };
  const frame = make("div", {className: "frame"});
  const bar = make("div", {className: "bar", role: "region"});
  root.append(frame, bar);

  let words = null, picking = false, watching = false, picked = null, asked = 0;

  // -- what an element can be known by: an id or data attribute, a stable class, its place below one of those

  const quote = (text) => window.CSS.escape(text);
  const stable = (name) => name.length < 40 && !/\d{3,}|^(css|sc|jsx|svelte|_)[-_]?\w*\d|^(is-|has-|js-)?(active|open|hover|focus|selected|in-view|loaded)$/i.test(name);
  function own(element) {
    const found = [], tag = element.localName;
    for (const name of ["itemprop", "data-price", "data-product-price", "data-testid", "data-test", "data-qa", "data-sku", "data-product-id", "name"]) {
      const value = element.getAttribute(name);
      if (value && stable(value)) found.push("[" + name + "=\"" + value.replace(/["\\]/g, "\\$&") + "\"]");
      else if (value !== null && name.startsWith("data-")) found.push("[" + name + "]");
    }
    if (element.id && stable(element.id)) found.push("#" + quote(element.id));
    const classes = [...element.classList].filter(stable);
    for (const name of classes) found.push("." + quote(name));
    if (classes.length) found.push(tag + "." + quote(classes[0]));
    return found;
  }
  const count = function (selector) {
    try { return document.querySelectorAll(selector).length; } catch (error) { return 0; }
  };
  function selectors(element) {
    const found = [];
    for (const one of own(element)) if (document.querySelector(one) === element) found.push(one);
    for (let above = element.parentElement, depth = 0; above && above !== document.body && depth < 6; above = above.parentElement, depth++) {
      for (const outer of own(above).slice(0, 4)) {
        for (const inner of [...own(element).slice(0, 3), element.localName]) {
          const one = outer + " " + inner;
          if (document.querySelector(one) === element) found.push(one);
        }
      }
    }
    const fit = [...new Set(found)].filter((one) => one.length <= 180);
    fit.sort((a, b) => (count(a) > 1) - (count(b) > 1) || a.length - b.length);
    return fit.slice(0, 3);
  }

  // -- what was picked, and so what it may mean

  function meaning(element) {
    const text = (element.innerText || element.value || element.getAttribute("aria-label") || "").trim().replace(/\s+/g, " ").slice(0, 80);
    const button = element.closest("button, input[type=submit], input[type=image], [role=button]");
    const form = button && (button.form || button.closest("form"));
    if (form && (form.method || "get").toLowerCase() === "post") {
      const field = [...form.elements].find((one) => one.name && /(^|[^a-z])(id|sku|product|produkt|variant|artikel)/i.test(one.name) && one.value);
      const action = button.getAttribute("formaction") || form.getAttribute("action") || location.href;
      return {kind: "act", text, method: "POST", path: new URL(action, location.href).href, field: field ? field.name : "", event: "AddToCart"};
    }
    const link = element.closest("a[href]");
    if (link && !/^(#|javascript:|mailto:|tel:)/.test(link.getAttribute("href"))) {
      return {kind: "page", text, path: link.href, event: "ViewContent"};
    }
    if (button || link) return {kind: "watch", text, event: "AddToCart"};
    const options = selectors(element);
    const price = /\d/.test(text) && /kr|€|\$|£|sek|eur|usd|:-|,-|\d[.,]\d\d\b/i.test(text);
    const content = element.getAttribute("content");
    return {kind: "page", text, path: location.href, event: "ViewContent", key: price ? "value" : "content_name", options: content ? options.map((one) => one + "@content").concat(options).slice(0, 3) : options};
  }

  // -- what a button of a script sends

  function sent(method, url) {
    if (!watching) return;
    const target = new URL(url, location.href);
    if (target.origin !== location.origin || !/^(POST|PUT|PATCH)$/i.test(method) || target.pathname.startsWith(base.replace(/admin\/$/, ""))) return;
    watching = false;
    picked = {kind: "act", text: picked ? picked.text : "", path: target.href, field: "", event: "AddToCart"};
    show();
  }
  const fetched = window.fetch;
  window.fetch = function (input, options) {
    sent((options && options.method) || (input && input.method) || "GET", (input && input.url) || input);
    return fetched.apply(this, arguments);
  };
  const opened = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, url) {
    sent(method, url);
    return opened.apply(this, arguments);
  };

  // -- the bar

  const data = function () {
    const form = new FormData();
    const fields = {event: picked.event, trigger: picked.kind === "page" ? "page" : "act", path: picked.path, scope: picked.scope || "like",
      url: location.href, selector: picked.selector || "", key: picked.key || "", field: picked.field || "", sample: picked.text};
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return form;
  };
  const choice = function (label, values, chosen, took) {
    const select = make("select", {}, ...values.map(([value, text]) => make("option", {value, textContent: text, selected: value === chosen})));
    select.addEventListener("change", function () { took(select.value); look(); });
    return make("label", {}, label, select);
  };
  const press = function (text, name, act) {
    const button = make("button", {type: "button", textContent: text, className: name});
    button.addEventListener("click", act);
    return button;
  };
  const result = make("div", {role: "status"});

  async function look() {
    const mine = ++asked;
    result.replaceChildren(make("p", {className: "soft", textContent: words.asking}));
    let said;
    try {
      said = await (await fetched(base + "rules/pick/look", {method: "POST", body: data()})).json();
    } catch (error) { said = {ok: false, text: words.ended}; }
    if (mine !== asked) return;
    const parts = said.ok ? [make("p", {className: "said", textContent: said.sentence}), make("p", {className: "soft", textContent: said.fits})] : [];
    if (said.text) parts.push(make("p", {className: "bad", textContent: said.text}));
    if (said.values && said.values.length) {
      parts.push(make("p", {className: "soft"}, words.here + " ", ...said.values.flatMap(([key, value], index) => [index ? " · " : "", make("span", {textContent: key + ": " + value})]).filter(Boolean)));
    }
    result.replaceChildren(...parts);
    go.disabled = !said.ok;
  }
  let go = null;

  function draft() {
    const form = make("form", {method: "post", action: base + "rules/pick/draft"});
    for (const [name, value] of data()) form.append(make("input", {type: "hidden", name, value}));
    host.append(form);
    form.submit();
  }
  async function end() {
    try {
      const said = await (await fetched(base + "rules/pick/end", {method: "POST"})).json();
      location.assign(said.next);
    } catch (error) { host.remove(); }
  }
  function start() {
    picking = true; watching = false; picked = null;
    idle();
  }

  function idle() {
    frame.style.display = "none";
    const button = press(picking ? words.picking : words.pick, "", function () { picking = !picking; idle(); });
    button.setAttribute("aria-pressed", String(picking));
    bar.replaceChildren(
      make("div", {className: "row"}, button, press(words.end, "quiet", end), press(words.move, "quiet", () => bar.classList.toggle("top"))),
      make("p", {className: "soft", textContent: picking ? words.hint : words.free}));
  }
  function watch() {
    watching = true; picking = false;
    frame.style.display = "none";
    bar.replaceChildren(make("p", {className: "said", textContent: words.press}), make("div", {className: "row"}, press(words.again, "", start), press(words.end, "quiet", end)));
  }
  function show() {
    picking = false;
    if (picked.kind === "watch") return watch();
    if (picked.options) picked.selector = picked.options[0] || "";
    go = press(words.go, "main", draft);
    go.disabled = true;
    const rows = [choice(words.event, words.events, picked.event, (value) => { picked.event = value; })];
    rows.push(choice(words.where, [["like", words.like], ["exact", words.exact]], picked.scope || "like", (value) => { picked.scope = value; }));
    if (picked.options && picked.options.length) {
      rows.push(choice(words.value, words.values, picked.key, (value) => { picked.key = value; }));
      rows.push(choice(words.element, picked.options.map((one) => [one, one]), picked.selector, (value) => { picked.selector = value; }));
    }
    bar.replaceChildren(make("p", {}, words.picked + " ", make("b", {textContent: picked.text || "–"})),
      make("div", {className: "row"}, ...rows), result,
      make("div", {className: "row"}, go, press(words.again, "", start), picked.element ? press(words.wider, "quiet", wider) : null, press(words.end, "quiet", end)));
    look();
  }
  function wider() {
    const above = picked.element && picked.element.parentElement;
    if (above && above !== document.body) take(above);
  }
  function take(element) {
    picked = meaning(element);
    picked.element = element;
    outline(element);
    show();
  }
  function outline(element) {
    const place = element.getBoundingClientRect();
    Object.assign(frame.style, {display: "block", left: place.left - 3 + "px", top: place.top - 3 + "px", width: place.width + 6 + "px", height: place.height + 6 + "px"});
  }

  const outside = (event) => picking && event.target instanceof Element && event.target !== host && !host.contains(event.target);
  document.addEventListener("pointermove", function (event) { if (outside(event)) outline(event.target); }, true);
  document.addEventListener("focusin", function (event) { if (outside(event)) outline(event.target); }, true);
  for (const name of ["pointerdown", "mousedown", "mouseup", "pointerup", "touchstart", "submit"]) {
    document.addEventListener(name, function (event) { if (outside(event)) { event.stopImmediatePropagation(); if (name !== "touchstart") event.preventDefault(); } }, {capture: true, passive: false});
  }
  document.addEventListener("click", function (event) {
    if (!outside(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    take(event.target);
  }, true);
  document.addEventListener("keydown", function (event) {
    if (picking && event.key === "Escape") { picking = false; idle(); }
  }, true);

  async function begin() {
    try {
      const answer = await fetched(base + "rules/pick/words", {cache: "no-store"});
      if (!answer.ok || answer.redirected) return;
      words = await answer.json();
    } catch (error) { return; }
    bar.setAttribute("aria-label", words.title);
    (document.body || document.documentElement).append(host);
    start();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})();

/* Draws the events page and keeps it fresh. Everything that came over the wire is put in as text, never as HTML. */
(function () {
  "use strict";
  var rows = document.querySelector(".rows");
  var empty = document.querySelector(".empty");
  var live = document.querySelector(".live");
  var refused = document.querySelector(".refused");
  var moods = document.querySelector(".moods");
  var revision = -1;
  var filter = "";
  var opened = {};
  var known = {};
  var data = null;

  function element(tag, className, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function clock(seconds) {
    return new Date(seconds * 1000).toLocaleTimeString("sv-SE");
  }

  function show(value) {
    return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  }

  function path(url) {
    try {
      var parsed = new URL(url);
      return parsed.pathname + parsed.search;
    } catch (error) {
      return url;
    }
  }

  function summary(event) {
    var custom = (event.server || event.browser).custom_data;
    var parts = [];
    if (custom.value !== undefined) parts.push(show(custom.value) + " " + show(custom.currency || ""));
    if (custom.content_name) parts.push(show(custom.content_name));
    if (custom.content_ids) parts.push([].concat(custom.content_ids).join(", "));
    if (custom.search_string) parts.push("“" + show(custom.search_string) + "”");
    if (custom.order_id) parts.push("order " + show(custom.order_id));
    return parts.join(" · ");
  }

  function result(event) {
    var words = {
      deduplicated: ["Deduplicated", event.method === "id" ? "by event ID, counted once" : "by " + event.method + ", counted once"],
      browser: ["Browser only", "counted " + event.counted],
      server: ["Server only", "counted " + event.counted]
    }[event.status];
    var box = element("span", "result " + (event.counted > 1 ? "bad" : event.status), words[0]);
    box.append(element("small", "", words[1]));
    return box;
  }

  function chip(kind, leg) {
    var label = kind === "browser" ? "Browser" : "Server";
    return element("span", "chip " + (leg ? kind : "none"), leg && leg.times > 1 ? label + " ×" + leg.times : label);
  }

  function legBox(kind, leg) {
    var box = element("section", "leg " + kind);
    box.append(element("h2", "", kind === "browser" ? "Browser" : "Server"));
    if (!leg) {
      box.append(element("span", "", "nothing arrived"));
      return box;
    }
    var list = element("dl");
    var lines = [["event_time", clock(leg.event_time)], ["received", clock(leg.received_at)], ["fbp", leg.fbp || "(none)"]];
    if (leg.fbc) lines.push(["fbc", leg.fbc]);
    Object.keys(leg.custom_data).forEach(function (key) { lines.push([key, show(leg.custom_data[key])]); });
    lines.push(["matches on", leg.user_data.join(", ") || "(nothing)"]);
    lines.forEach(function (line) { list.append(element("dt", "", line[0]), element("dd", "", line[1])); });
    box.append(list);
    return box;
  }

  function more(event) {
    var box = element("div", "more");
    if (event.notes.length) {
      var notes = element("ul", "notes");
      event.notes.forEach(function (note) { notes.append(element("li", "", note)); });
      box.append(notes);
    }
    box.append(legBox("browser", event.browser), legBox("server", event.server));
    return box;
  }

  function draw(event) {
    var box = element("div", "event");
    if (revision >= 0 && !known[event.key]) box.classList.add("new");
    var row = element("button", "row");
    row.type = "button";
    row.setAttribute("role", "row");
    var name = element("span", "name", event.event_name);
    name.append(element("small", "", path(event.url)));
    name.title = event.url;
    var chips = element("span", "chips");
    chips.append(chip("browser", event.browser), chip("server", event.server));
    var id = element("span", "id", event.event_id || "(none)");
    id.title = event.event_id || "";
    row.append(name, chips, id, element("span", "what", summary(event)), result(event), element("span", "time", clock(event.received_at)));
    var detail = more(event);
    detail.hidden = !opened[event.key];
    row.setAttribute("aria-expanded", String(!detail.hidden));
    row.addEventListener("click", function () {
      detail.hidden = !detail.hidden;
      opened[event.key] = !detail.hidden;
      row.setAttribute("aria-expanded", String(!detail.hidden));
    });
    box.append(row, detail);
    return box;
  }

  function redraw() {
    Object.keys(data.overview).forEach(function (name) {
      var figure = document.querySelector("[data-figure=" + name + "]");
      if (figure) figure.textContent = data.overview[name];
      var tile = document.querySelector("[data-tile=" + name + "]");
      if (tile) tile.hidden = !data.overview[name];
    });
    refused.replaceChildren.apply(refused, data.refused.map(function (call) {
      var code = call.code ? "code " + call.code + (call.subcode ? " / " + call.subcode : "") : "HTTP " + call.status;
      if (!call.status) code = "the connection was broken off";
      return element("li", "", clock(call.received_at) + "  Refused " + call.events + " event(s): " + code + ". " + call.message);
    }));
    var shown = data.events.filter(function (event) { return !filter || event.status === filter; });
    rows.replaceChildren.apply(rows, shown.map(draw));
    empty.hidden = shown.length > 0;
    data.events.forEach(function (event) { known[event.key] = true; });
    drawMoods();
    revision = data.revision;
  }

  function drawMoods() {
    moods.querySelectorAll("button").forEach(function (button) { button.remove(); });
    data.moods.forEach(function (name) {
      var button = element("button", name === "healthy" ? "" : "ill", name);
      button.type = "button";
      button.setAttribute("aria-pressed", String(name === data.mood));
      button.addEventListener("click", function () { tell({mood: name}); });
      moods.append(button);
    });
  }

  function tell(what) {
    fetch("/control", {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(what)
    }).then(poll);
  }

  function poll() {
    return fetch("/events.json?revision=" + revision).then(function (answer) {
      live.className = "live";
      live.textContent = "live";
      return answer.status === 204 ? null : answer.json();
    }).then(function (fresh) {
      if (!fresh) return;
      data = fresh;
      redraw();
    }).catch(function () {
      live.className = "live lost";
      live.textContent = "no answer";
    });
  }

  document.querySelectorAll("[data-filter]").forEach(function (button) {
    button.addEventListener("click", function () {
      filter = button.dataset.filter;
      document.querySelectorAll("[data-filter]").forEach(function (other) {
        other.setAttribute("aria-pressed", String(other === button));
      });
      if (data) redraw();
    });
  });
  document.querySelector(".clear").addEventListener("click", function () { tell({clear: true}); });
  (function again() {
    if (document.hidden) setTimeout(again, 1000);
    else poll().then(function () { setTimeout(again, 700); });
  })();
})();

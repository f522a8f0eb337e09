/*
 * A stand-in for Meta's fbevents.js, written for capi_middleware's sandbox from what the real one was observed to do.
 * It holds none of Meta's code. Its traps are on purpose: the first PageView of a load only, an own PageView without
 * ID on a route change, nothing sent before the configuration has come.
 */
(function (window, document) {
  "use strict";
  var fbq = window.fbq;
  if (!fbq || fbq.callMethod) return;

  var VERSION = "sandbox";
  var LONGEST_GET = 2048;
  var PIXEL_ID = /^\d{5,20}$/;
  var STANDARD = (
    "AddPaymentInfo AddToCart AddToWishlist CompleteRegistration Contact CustomizeProduct Donate FindLocation " +
    "InitiateCheckout Lead PageView Purchase Schedule Search StartTrial SubmitApplication Subscribe ViewContent"
  ).split(" ");

  var hosts = findHosts();
  var started = Date.now();
  var pixels = {};
  var order = [];
  var plugins = {};
  var asked = {};
  var revoked = false;
  var options = {};
  var privacy = null;
  var sharedData = {};

  /* Meta serves the script from one host and counts on another. Served by the sandbox itself, all is one origin. */
  function findHosts() {
    var source = document.currentScript && document.currentScript.src;
    var url = source ? new URL(source, location.href) : null;
    if (!url || /(^|\.)facebook\.net$/.test(url.hostname)) {
      return {files: "https://connect.facebook.net", count: "https://www.facebook.com"};
    }
    return {files: url.origin, count: url.origin};
  }

  function warn(text) {
    if (window.console) console.warn("[stand-in pixel] " + text);
  }

  function isObject(value) {
    return value !== null && typeof value === "object";
  }

  // -- SHA-256, because crypto.subtle is neither synchronous nor there on plain http ------------------------------

  var PRIMES = [];
  var ROUND = [];
  (function () {
    for (var n = 2; ROUND.length < 64; n++) {
      var prime = true;
      for (var d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
      if (!prime) continue;
      if (PRIMES.length < 8) PRIMES.push(fraction(Math.pow(n, 1 / 2)));
      ROUND.push(fraction(Math.pow(n, 1 / 3)));
    }
    function fraction(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
  })();

  function rotate(x, by) { return (x >>> by) | (x << (32 - by)); }

  function sha256(text) {
    var bytes = Array.prototype.slice.call(new TextEncoder().encode(text));
    var bits = bytes.length * 8;
    bytes.push(0x80);
    while (bytes.length % 64 !== 56) bytes.push(0);
    for (var shift = 56; shift >= 0; shift -= 8) bytes.push(Math.floor(bits / Math.pow(2, shift)) & 255);
    var hash = PRIMES.slice();
    for (var at = 0; at < bytes.length; at += 64) block(hash, bytes, at);
    return hash.map(function (word) { return ("00000000" + (word >>> 0).toString(16)).slice(-8); }).join("");
  }

  function block(hash, bytes, at) {
    var w = [];
    var i;
    for (i = 0; i < 16; i++) {
      var o = at + i * 4;
      w[i] = (bytes[o] << 24) | (bytes[o + 1] << 16) | (bytes[o + 2] << 8) | bytes[o + 3];
    }
    for (i = 16; i < 64; i++) {
      var s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      var s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    var v = hash.slice();
    for (i = 0; i < 64; i++) {
      var big1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
      var choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
      var t1 = (v[7] + big1 + choose + ROUND[i] + w[i]) | 0;
      var big0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
      var most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      v = [(t1 + big0 + most) | 0, v[0], v[1], v[2], (v[3] + t1) | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i++) hash[i] = (hash[i] + v[i]) | 0;
  }

  // -- Advanced matching -----------------------------------------------------------------------------------------

  var STATES = {california: "ca", "new york": "ny", texas: "tx", florida: "fl", washington: "wa"};

  function lower(value) { return value.trim().toLowerCase(); }
  function letters(value) { return lower(value).replace(/[\s!-/:-@[-`{-~]/g, ""); }
  function latin(value) { return lower(value).replace(/[^a-z0-9]/g, ""); }
  function born(value) {
    var year = /^(\d{4})\D?(\d{1,2})\D?(\d{1,2})$/.exec(value.trim());
    var american = /^(\d{1,2})\D(\d{1,2})\D(\d{4})$/.exec(value.trim());
    var parts = year ? [year[1], year[2], year[3]] : american ? [american[3], american[1], american[2]] : [];
    return parts.map(function (part) { return ("0" + part).slice(part.length > 2 ? 1 : -2); }).join("");
  }

  var NORMAL = {
    em: lower,
    ph: function (value) { return value.replace(/\D/g, "").replace(/^0+/, ""); },
    fn: letters,
    ln: letters,
    ge: function (value) { return lower(value).charAt(0); },
    db: born,
    ct: latin,
    st: function (value) { return STATES[lower(value)] || latin(value).slice(0, 2); },
    zp: function (value) { return lower(value).split("-")[0]; },
    country: function (value) { return latin(value).slice(0, 2); },
    external_id: function (value) { return value.toLowerCase().replace(/\s/g, ""); }
  };

  function digest(key, value) {
    var text = String(value);
    if (/^[0-9a-f]{64}$/i.test(text.trim())) return text.trim();
    var normal = (NORMAL[key] || lower)(text);
    return normal ? sha256(normal) : "";
  }

  function matchData(given) {
    var found = {};
    if (!isObject(given)) return found;
    Object.keys(given).forEach(function (key) {
      var value = given[key];
      if (value === null || value === undefined || value === "" || isObject(value)) return;
      var hashed = digest(key, value);
      if (hashed) found[key] = hashed;
    });
    return found;
  }

  // -- Pixels and their configuration ----------------------------------------------------------------------------

  function addPixel(id, userData) {
    id = String(id);
    if (!PIXEL_ID.test(id)) return warn("no pixel ID: " + id);
    var pixel = pixels[id];
    if (!pixel) {
      pixel = pixels[id] = {id: id, userData: {}, held: [], ready: false, waiting: {}, count: 0, viewed: false, bits: 156};
      order.push(id);
      loadFile("/signals/config/" + id + "?v=" + VERSION + "&r=stable&domain=" + encodeURIComponent(location.hostname));
    }
    var found = matchData(userData);
    for (var key in found) pixel.userData[key] = found[key];
  }

  function loadFile(path) {
    var script = document.createElement("script");
    script.async = true;
    script.src = hosts.files + path;
    var first = document.getElementsByTagName("script")[0];
    if (first) first.parentNode.insertBefore(script, first);
    else (document.head || document.documentElement).appendChild(script);
  }

  var instance = {
    cookies: null,
    pixelsByID: pixels,
    optIn: function (id, feature) {
      if (feature !== "FirstPartyCookies" || !pixels[id]) return;
      pixels[id].cookies = true;
      need(pixels[id], "cookie");
    },
    configLoaded: function (id) {
      if (!pixels[id]) return;
      pixels[id].configured = true;
      settle(pixels[id]);
    }
  };

  /* A plugin that is asked for and not there is fetched; until it comes, the pixel sends nothing. */
  function need(pixel, name) {
    if (plugins[name]) return;
    pixel.waiting[name] = true;
    if (asked[name]) return;
    asked[name] = true;
    loadFile("/signals/plugins/" + name + ".js?v=" + VERSION);
  }

  fbq.loadPlugin = function (name) {
    return Boolean(plugins[name]);
  };
  fbq.registerPlugin = function (name, plugin) {
    if (plugins[name]) return;
    plugins[name] = plugin;
    plugin.plugin(fbq, instance, {});
    order.forEach(function (id) {
      delete pixels[id].waiting[name];
      settle(pixels[id]);
    });
  };

  function settle(pixel) {
    if (revoked || !pixel.configured || Object.keys(pixel.waiting).length) return;
    pixel.ready = true;
    while (pixel.held.length) send(pixel, pixel.held.shift());
  }

  // -- Sending ---------------------------------------------------------------------------------------------------

  function text(value) {
    return isObject(value) ? JSON.stringify(value) : String(value);
  }

  function addAll(fields, name, data) {
    Object.keys(data).forEach(function (key) {
      if (data[key] !== undefined && data[key] !== null) fields.push([name + "[" + key + "]", text(data[key])]);
    });
  }

  function eventId(extra) {
    if (!isObject(extra)) return undefined;
    return extra.eventID !== undefined ? extra.eventID : extra.event_id;
  }

  function wire(pixel, event) {
    var fields = [
      ["id", pixel.id], ["ev", event.name], ["dl", event.url], ["rl", event.referrer],
      ["if", String(window.top !== window)], ["ts", String(Date.now())]
    ];
    addAll(fields, "cd", event.data);
    fields.push(["sw", String(screen.width)], ["sh", String(screen.height)]);
    addAll(fields, "ud", pixel.userData);
    fields.push(["v", VERSION], ["r", "stable"]);
    if (options.agent) fields.push(["a", options.agent]);
    fields.push(["ec", String(pixel.count++)], ["o", String(pixel.bits)]);
    var cookies = pixel.cookies && instance.cookies ? instance.cookies() : {};
    if (cookies.fbp) fields.push(["fbp", cookies.fbp]);
    if (cookies.fbc) fields.push(["fbc", cookies.fbc]);
    fields.push(["it", String(started)], ["coo", "false"]);
    if (privacy) {
      fields.push(["dpo", privacy.options.join(",")], ["dpoco", String(privacy.country)], ["dpost", String(privacy.state)]);
    }
    if (event.id !== undefined && event.id !== null) fields.push(["eid", String(event.id)]);
    if (event.mark) fields.push(["tm", String(event.mark)]);
    return fields;
  }

  function send(pixel, event) {
    var fields = wire(pixel, event);
    var query = fields.concat([["rqm", "GET"]]).map(function (field) {
      return encodeURIComponent(field[0]) + "=" + encodeURIComponent(field[1]);
    }).join("&");
    var address = hosts.count + "/tr/?" + query;
    if (address.length <= LONGEST_GET) {
      new Image().src = address;
    } else {
      post(fields.concat([["rqm", "formPOST"]]));
    }
  }

  function post(fields) {
    var name = "fb" + Math.random().toString(36).slice(2);
    var frame = document.createElement("iframe");
    var form = document.createElement("form");
    frame.name = name;
    frame.style.display = form.style.display = "none";
    form.method = "post";
    form.action = hosts.count + "/tr/";
    form.target = name;
    form.acceptCharset = "utf-8";
    fields.forEach(function (field) {
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = field[0];
      input.value = field[1];
      form.appendChild(input);
    });
    whenBody(function () {
      document.body.appendChild(frame);
      document.body.appendChild(form);
      var sent = false;
      frame.onload = function () {
        if (!sent) return;
        frame.remove();
      };
      sent = true;
      form.submit();
      form.remove();
    });
  }

  function whenBody(then) {
    if (document.body) then();
    else document.addEventListener("DOMContentLoaded", then, {once: true});
  }

  // -- Methods ---------------------------------------------------------------------------------------------------

  function event(name, data, extra, mark) {
    var all = {};
    var key;
    for (key in sharedData) all[key] = sharedData[key];
    if (isObject(data)) for (key in data) all[key] = data[key];
    return {name: String(name), data: all, id: eventId(extra), mark: mark, url: location.href, referrer: document.referrer};
  }

  function give(pixel, one) {
    if (pixel.ready && !revoked) send(pixel, one);
    else pixel.held.push(one);
  }

  function track(name, data, extra) {
    order.forEach(function (id) {
      var pixel = pixels[id];
      if (pixel.only) return;
      if (name === "PageView") {
        if (pixel.viewed && fbq.allowDuplicatePageViews !== true) return;
        pixel.viewed = true;
      }
      give(pixel, event(name, data, extra));
    });
  }

  function trackOne(id, name, data, extra, mark) {
    if (pixels[id]) give(pixels[id], event(name, data, extra, mark));
  }

  var methods = {
    init: function (id, userData, settings) {
      addPixel(id, userData);
      if (isObject(settings) && settings.agent) options.agent = String(settings.agent);
    },
    track: function (name, data, extra) {
      if (!name) return warn("track without a name");
      if (STANDARD.indexOf(name) < 0) warn("'" + name + "' is no standard event, use trackCustom");
      track(name, data, extra);
    },
    trackCustom: track,
    trackSingle: function (id, name, data, extra) { trackOne(id, name, data, extra, 1); },
    trackSingleCustom: function (id, name, data, extra) { trackOne(id, name, data, extra, 2); },
    set: function (name, value, id) {
      if (name === "agent") options.agent = String(value);
      else if (name === "autoConfig") {
        if (pixels[id]) pixels[id].bits = off(value) ? 157 : 156;
        else options["autoConfig" + id] = off(value);
      } else if (name === "trackSingleOnly") {
        if (pixels[id]) pixels[id].only = !off(value);
      } else if (name === "userData") {
        order.forEach(function (one) { addPixel(one, value); });
      } else options[name] = value;
    },
    dataProcessingOptions: function (list, country, state) {
      privacy = Array.isArray(list) ? {options: list, country: country || 0, state: state || 0} : null;
    },
    consent: function (answer) {
      if (answer === "revoke") revoked = true;
      if (answer !== "grant") return;
      revoked = false;
      drain();
      order.forEach(function (id) { settle(pixels[id]); });
    }
  };

  function off(value) { return value === false || value === "false"; }

  function call(list) {
    var name = list[0];
    var method = Object.prototype.hasOwnProperty.call(methods, name) ? methods[name] : null;
    if (!method) return warn("no method " + name);
    method.apply(null, Array.prototype.slice.call(list, 1));
    if (name === "init" && options["autoConfig" + list[1]] && pixels[list[1]]) pixels[list[1]].bits = 157;
  }

  /* With consent revoked everything else stays in the queue, and goes out in its order when consent is given. */
  function drain() {
    var waiting = fbq.queue.splice(0, fbq.queue.length);
    waiting.forEach(take);
  }

  function take(list) {
    if (revoked && list[0] !== "consent") fbq.queue.push(list);
    else call(list);
  }

  fbq.callMethod = function () { take(arguments); };
  fbq.version = VERSION;
  fbq.instance = instance;
  fbq.getState = function () {
    return {pixels: order.map(function (id) { return {id: id, eventCount: pixels[id].count}; })};
  };

  // -- Route changes: a PageView of the pixel's own, without ID ---------------------------------------------------

  function watchRoutes() {
    var last = location.href;
    function changed() {
      if (location.href === last) return;
      last = location.href;
      if (revoked) return;
      order.forEach(function (id) {
        if (!pixels[id].only) give(pixels[id], event("PageView", {}, null));
      });
    }
    ["pushState", "replaceState"].forEach(function (name) {
      var before = history[name];
      history[name] = function () {
        var result = before.apply(this, arguments);
        changed();
        return result;
      };
    });
    window.addEventListener("popstate", changed);
  }

  if (fbq.disablePushState !== true) watchRoutes();
  fbq.queue = fbq.queue || [];
  drain();
})(window, document);

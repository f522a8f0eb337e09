// The page's half of capi_middleware: one file, ES2019, no dependencies. Its contract stands in docs/browser.md.
// The server is the only brain: this script says which page is shown and fires what it is told to, once per ID.
// Served with full-line comments and indentation taken out; "OPTIONS" is replaced by the shop's settings.
(function (w, d, options) {
  'use strict';
  var config = w.capi;
  if (!config || !config.mount) {
    var block = d.getElementById('capi-config');
    config = block && JSON.parse(block.textContent);
  }
  if (!config || config.ran) return;

  var endpoint = config.mount + '/collect';
  var send = w.fetch && w.fetch.bind(w);
  var granted = config.state === 'granted';
  // The snippet's own code has set fbq up, unless a policy forbids inline code or consent is held.
  var ready = !!config.fired && granted;
  var seen = {};
  var report = [];
  var timer = 0;
  var viewId = '';
  var asked = '';
  var held = [];

  function quietly(work) {
    return function (a, b, c) {
      try {
        return work(a, b, c);
      } catch (_) {}
    };
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), function (byte) {
      return (byte + 256).toString(16).slice(1);
    }).join('');
  }

  // ---- once per ID, also across the pages of a tab: a cached answer repeats an old ID
  var KEY = 'capi';
  quietly(function () {
    JSON.parse(sessionStorage[KEY] || '[]').forEach(function (key) {
      seen[key] = 1;
    });
  })();

  function first(name, id) {
    var key = name + ' ' + id;
    if (seen[key]) return false;
    seen[key] = 1;
    quietly(function () {
      sessionStorage[KEY] = JSON.stringify(Object.keys(seen).slice(-99));
    })();
    return true;
  }

  // ---- the pixel
  function pixel() {
    if (ready) return;
    ready = true;
    if (!w.fbq) {
      var fbq = (w.fbq = function () {
        fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments);
      });
      w._fbq = w._fbq || fbq;
      fbq.push = fbq;
      fbq.loaded = true;
      fbq.version = '2.0';
      fbq.queue = [];
      var script = d.createElement('script');
      script.async = true;
      script.src = config.pixelUrl;
      var nonce = (d.currentScript || d.querySelector('script[nonce]') || {}).nonce;
      if (nonce) script.nonce = nonce;
      script.onerror = function () {
        config.blocked = true;
        later();
      };
      d.head.appendChild(script);
    }
    w.fbq.disablePushState = true;
    w.fbq('init', config.pixel, config.user || {});
  }

  function fire(name, data, id) {
    if (!first(name, id)) return;
    pixel();
    w.fbq(options.standard.includes(name) ? 'trackSingle' : 'trackSingleCustom', config.pixel, name, data || {}, {
      eventID: id,
    });
    note(name, id);
    if (options.dataLayer) {
      (w[options.dataLayer] = w[options.dataLayer] || []).push({ event: 'capi', event_name: name, event_id: id, data: data });
    }
  }

  function fireAll(rows) {
    (rows || []).forEach(quietly(function (row) {
      fire(row[0], row[1], row[2]);
    }));
  }

  // ---- the report: what the page can know, and no more
  function note(name, id) {
    report.push([name, id]);
    later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(flush, 2000);
  }

  function state() {
    return w.fbq && w.fbq.callMethod ? 'handed' : config.blocked ? 'blocked' : 'queued';
  }

  function flush() {
    clearTimeout(timer);
    if (!report.length) return;
    var body = JSON.stringify({ v: 1, k: 'report', u: here(), s: state(), e: report.splice(0, 20) });
    if (!quietly(function () {
      return navigator.sendBeacon(endpoint, new Blob([body], { type: 'application/json' }));
    })()) post(body);
  }

  // ---- asking
  function here() {
    return w.location.href.split('#')[0];
  }

  function post(body, then) {
    if (!send) return;
    send(endpoint, {
      method: 'POST',
      body: body,
      keepalive: true,
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json' },
    })
      .then(function (answer) {
        return answer.status === 200 && answer.json();
      })
      .then(function (answer) {
        if (answer && then) then(answer);
      })
      .catch(function () {});
  }

  function ask(kind, more) {
    var message = Object.assign({ v: 1, k: kind, u: here(), r: d.referrer, i: viewId }, more);
    post(JSON.stringify(message), quietly(hear));
  }

  function hear(answer) {
    granted = answer.state === 'granted';
    if (!granted) return;
    if (answer.user) config.user = answer.user;
    fireAll(answer.events);
    if (answer.need) {
      ask('page', {
        p: page(),
        d: answer.events.map(function (row) {
          return row[0];
        }),
      });
    }
  }

  // What a reader of product facts wants of this page, within bounds.
  function page() {
    var text = '<html><head>';
    d.querySelectorAll('title,meta[property],meta[name],script[type="application/ld+json"]').forEach(function (part) {
      if (text.length + part.outerHTML.length < 24000) text += part.outerHTML;
    });
    return text + '</head><body></body></html>';
  }

  function view() {
    asked = here();
    viewId = newId();
    ask('view');
  }

  // ---- AJAX answers: Server-Timing entries of our own origin
  function timings(entries) {
    entries.forEach(function (entry) {
      if (entry.name.indexOf(w.location.origin + '/')) return;
      (entry.serverTiming || []).forEach(function (timing) {
        if (timing.name === 'capi') hearTiming(timing.description);
      });
    });
  }

  var hearTiming = quietly(function (text) {
    fireAll(JSON.parse(atob(text.replace(/-/g, '+').replace(/_/g, '/'))));
  });

  quietly(function () {
    new PerformanceObserver(function (list) {
      timings(list.getEntries());
    }).observe({ type: 'resource', buffered: true });
  })();

  // ---- consent
  function consent(answer) {
    ask('consent', { a: answer });
  }

  // ---- the face
  w.capi = {
    v: 1,
    ran: true,
    mount: config.mount,
    track: function (name, data) {
      ask('track', { n: name, d: data || {}, i: newId() });
    },
    consent: quietly(consent),
    fired: { push: function (row) { first(row[0], row[1]); note(row[0], row[1]); } },
    events: { push: function (row) { fireAll([row]); } },
  };

  function start() {
    (config.fired || []).forEach(function (row) {
      first(row[0], row[1]);
      note(row[0], row[1]);
    });
    asked = here();
    if (granted) fireAll(config.events);
    else held = config.events || [];
    if (config.carrier === 'collect') view();
  }

  if (d.prerendering) d.addEventListener('prerenderingchange', quietly(start), { once: true });
  else quietly(start)();
  d.addEventListener('visibilitychange', function () {
    if (d.visibilityState === 'hidden') quietly(flush)();
  });
})(window, document, OPTIONS);

// The constant part of the head snippet (docs/pixel.md). It runs before anything else of the page's, so whatever calls
// fbq later, the shop's own pixel or a tag manager, calls this one. What other code sends to our pixel ID waits in
// capi.calls for adopt.js, which is fetched only then; if it does not come, the calls go out as they are.
// Served without comments; no string may hold "</".
(function (w, d, c) {
  var old = w.fbq, nonce = (d.currentScript || {}).nonce, seen = {}, key;
  c.q = [];
  c.events = c.events || [];
  c.tokens = c.tokens || [];
  c.track = function () { c.q.push(['track', arguments]); };
  c.consent = function () { c.q.push(['consent', arguments]); };
  if (c.carrier === 'collect' && !c.frames && w.parent !== w) c.ran = true;
  if (!c.pixelUrl || c.ran) return;
  c.calls = [];
  c.sent = [];
  c.others = [];
  c.own = {};
  if (c.fired) {
    try { key = w.sessionStorage.capi; } catch (_) {}
    c.fired.forEach(function (row) {
      c.own[row[1]] = 1;
      seen[row.concat(c.pixel)] = (key || '').indexOf(row[1]) >= 0;
    });
    c.fired.push = function (row) { c.own[row[1]] = 1; return [].push.call(c.fired, row); };
  }
  function add(src, failed) {
    var script = d.createElement('script');
    script.async = true;
    if (nonce) script.nonce = nonce;
    script.onerror = failed;
    script.src = src;
    d.head.appendChild(script);
  }
  function open() {
    if (c.take) return;
    c.take = function (a) { c.load(); c.fbq.apply(c, a); };
    c.calls.splice(0).forEach(c.take);
  }
  c.load = function () {
    if (!c.loading) add(c.pixelUrl, function () { w.capi.blocked = true; });
    c.loading = true;
  };
  c.fbq = function (method) {
    var a = arguments, single = /Single/.test(method), at = single ? 2 : 1, id = (a[at + 2] || {}).eventID;
    if (id) {
      key = [a[at], id, single ? a[1] : c.pixel];
      if (seen[key]) return;
      seen[key] = 1;
      c.sent.push({name: a[at], data: a[at + 1], id: id, at: Date.now()});
    }
    fbq.callMethod ? fbq.callMethod.apply(fbq, a) : fbq.queue.push(a);
    if (method === 'init' && a[1] == c.pixel) c.ready = true;
    if (c.told) c.told();
  };
  function fbq(method) {
    var a = arguments, init = method === 'init', single = /Single/.test(method), id = (a[single ? 4 : 3] || {}).eventID;
    var ours = init || single ? a[1] == c.pixel : /^track/.test(method);
    if (!ours || (init ? c.fired && !c.ready : c.own[id])) {
      if (init) c.load();
      if (!ours && init) c.others.push(a[1]);
      if (!init && !single && ours && c.others[0]) a = [method.replace('track', 'trackSingle'), c.pixel].concat([].slice.call(a, 1));
      c.fbq.apply(c, a);
    } else if (c.take) c.take(a);
    else if (c.calls.push(a) === 1) {
      c.adopt ? add(w.location.origin + c.adopt, open) : open();
      setTimeout(open, 9000);
    }
  }
  for (key in old) fbq[key] = old[key];
  w.fbq = fbq;
  w._fbq = w._fbq || fbq;
  fbq.push = fbq;
  fbq.loaded = true;
  fbq.version = '2.0';
  fbq.queue = [];
  fbq.disablePushState = true;
  fbq.capi = c;
  c.loading = !!old;
  if (old && old.queue) old.queue.splice(0).forEach(function (a) { fbq.apply(w, a); });
})(window, document, capi);

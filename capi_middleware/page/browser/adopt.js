// Fetched only where other code of the page speaks to our pixel ID (docs/pixel.md): its calls get our IDs and a server
// leg ("adopt"), or are dropped ("replace"), or go out as they are ("ignore"); never a second init or PageView.
// The head snippet (boot.js) has kept them; "c" is its configuration. Same rules of writing as capi.js.
((w, d, c) => {
  'use strict';
  if (!c || c.take) return;

  // How long a call waits for its twin: the event of ours that the server has inferred from the same action.
  const PATIENCE = 3000;
  const NEAR = 10000;
  const began = Date.now();
  let page = place();
  let early = [];
  let waiting = [];
  const minted = {};

  function place() {
    return w.location.href.split('#')[0];
  }

  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('');

  const read = (a) => {
    const at = /Single/.test(a[0]) ? 2 : 1;
    return { method: a[0], name: a[at], data: a[at + 1], more: a[at + 2] || {}, single: at > 1, at: Date.now() };
  };

  const send = (pixel, call, more) =>
    c.fbq(call.method.replace(/^track(Single)?/, 'trackSingle'), pixel, call.name, call.data || {}, more);

  const products = (data) => JSON.stringify((data || {}).content_ids);

  // An event of ours is the twin of one call: the same name, and about the same time or the same products.
  const twin = (call) => {
    const found = c.sent.find(
      (one) =>
        one.name === call.name &&
        !one.taken &&
        !minted[one.id] &&
        (Math.abs(call.at - one.at) < NEAR || (products(one.data) && products(one.data) === products(call.data)))
    );
    if (found) found.taken = 1;
    return found;
  };

  const release = (call) => {
    waiting = waiting.filter((one) => one !== call);
    if (call.more.eventID) return send(c.pixel, call, call.more);
    minted[call.id] = 1;
    send(c.pixel, call, { ...call.more, eventID: call.id });
    w.capi.fired.push([call.name, call.id]);
    const n = call.name;
    const body = JSON.stringify({ v: 1, k: 'adopt', u: place(), r: d.referrer, i: call.id, n, d: call.data || {} });
    w.navigator.sendBeacon(w.location.origin + c.mount + '/collect', new Blob([body], { type: 'application/json' }));
  };

  // The page is not parsed, or the server not heard: what is ours may still be to come.
  const unsettled = () =>
    d.readyState === 'loading' || (c.carrier === 'collect' && !c.heard && Date.now() - began < NEAR);

  const later = (call) =>
    setTimeout(() => {
      if (!waiting.includes(call)) return;
      if (unsettled()) later(call);
      else release(call);
    }, PATIENCE);

  const adopt = (call) => {
    if (twin(call)) return;
    call.id = newId();
    waiting.push(call);
    // A request that this action makes carries the ID along, and the server gives it to the event that it infers.
    if (!call.more.eventID && d.readyState === 'complete' && /^\w+$/.test(call.name)) {
      d.cookie = `shop_call=${call.name}.${call.id}; path=/; max-age=10; samesite=lax`;
    }
    later(call);
  };

  const take = (a) => {
    const call = read(a);
    if (!c.ready) return early.push(a);
    if (a[0] === 'init') return;
    if (!call.single) c.others.forEach((id) => send(id, call, call.more));
    if (c.existing === 'replace' || (call.name === 'PageView' && place() === page)) return;
    if (call.name === 'PageView') page = place();
    if (c.existing === 'ignore') send(c.pixel, call, call.more);
    else adopt(call);
  };

  c.told = () => {
    if (c.ready) early.splice(0).forEach(take);
    waiting = waiting.filter((call) => !twin(call));
  };

  // No word from the server, or our script never ran: the shop's calls go out as the shop made them.
  setTimeout(() => {
    if (c.ready || (w.capi.ran && (c.heard || c.carrier === 'inline'))) return;
    c.take = (a) => {
      c.load();
      c.fbq(...a);
    };
    early.splice(0).forEach(c.take);
  }, NEAR);

  w.addEventListener('pagehide', () => waiting.forEach(release));

  c.take = take;
  c.calls.splice(0).forEach(take);
})(window, document, (window.fbq || {}).capi);

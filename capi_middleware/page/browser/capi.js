// The page's half of capi_middleware: one file, ES2019, no dependencies. Contract and reasons: docs/browser.md.
// The server is the only brain: this script says which page is shown, and fires what it is told to, once per ID.
// It is served without full-line comments and indentation, with the shop's settings in the place of OPTIONS.
((w, d, options) => {
  let config = w.capi;
  if (!config || !config.mount) {
    // A policy without inline code: the snippet is a data block.
    const block = d.getElementById('capi-config');
    config = block && JSON.parse(block.textContent);
  }
  if (!config || config.ran) return;

  // A base element of the page's may point elsewhere.
  const endpoint = w.location.origin + config.mount + '/collect';
  const nonce = (d.currentScript || {}).nonce;
  const send = w.fetch;
  // Whether this view's events are still to come.
  let held = config.state !== 'granted';
  // Whether fbq knows our pixel; whether by us; whether its PageView was sent.
  let ready = config.fired;
  let ours = ready;
  let viewed;
  let tokens = config.tokens || [];
  let viewId;
  let referrer = d.referrer;

  // Nothing of ours may reach the shop's error handlers.
  const quietly = (work) => (...args) => {
    try {
      return work(...args);
    } catch (_) {}
  };

  // Capturing at the window sees events that do not bubble, too.
  const on = (target, names, work) =>
    names.split(' ').forEach((name) => target.addEventListener(name, quietly(work), true));

  const after = (ms, work) => setTimeout(quietly(work), ms);

  const parsed = (work) => (d.readyState === 'loading' ? on(d, 'DOMContentLoaded', work) : work());

  // crypto.randomUUID needs a secure context, getRandomValues does not.
  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('');

  const here = () => w.location.href.split('#')[0];

  // ---- once per ID, over all carriers and over the pages of a tab: a cached answer repeats an old ID

  const seen = {};
  quietly(() => JSON.parse(w.sessionStorage.capi).forEach((key) => (seen[key] = 1)))();

  const first = (name, id) => {
    const key = name + ' ' + id;
    if (seen[key]) return;
    seen[key] = 1;
    quietly(() => (w.sessionStorage.capi = JSON.stringify(Object.keys(seen).slice(-99))))();
    return true;
  };

  // ---- the pixel

  // Past what the head snippet keeps of other code's calls.
  const call = (...args) => (config.fbq || w.fbq)(...args);

  // All pixels on the page, before and after Meta's script has come.
  const pixels = () =>
    w.fbq.getState
      ? w.fbq.getState().pixels.map((one) => one.id + '')
      : (w.fbq.queue || []).filter((args) => args[0] === 'init').map((args) => args[1] + '');

  const others = () => pixels().filter((id) => id !== config.pixel);

  const load = () => {
    if (config.load) return config.load();
    const fbq = (w.fbq = function () {
      fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments);
    });
    w._fbq = w._fbq || fbq;
    fbq.push = fbq;
    fbq.loaded = true;
    fbq.version = '2.0';
    fbq.queue = [];
    // Its own PageViews on route changes have no ID: Meta could not pair them with the server's.
    fbq.disablePushState = true;
    const script = d.createElement('script');
    if (nonce) script.nonce = nonce;
    script.onerror = () => (w.capi.blocked = true);
    script.src = config.pixelUrl;
    d.head.appendChild(script);
  };

  const pixel = () => {
    if (ready) return;
    ready = true;
    if (!w.fbq || config.load) load();
    if (pixels().includes(config.pixel)) return;
    ours = true;
    if (config.ldu) call('dataProcessingOptions', ...config.ldu);
    call('init', config.pixel, config.user || {});
  };

  // "track" speaks to every pixel on the page, and Meta's script sends one PageView a load. So beside other pixels, and
  // for later PageViews, it is "trackSingle"; and what other code tracks for its own pixel is kept from ours.
  const fire = ([name, data, id, custom]) => {
    if (!first(name, id)) return;
    if (config.pixelUrl) {
      pixel();
      const foreign = others()[0];
      if (foreign && ours) call('set', 'trackSingleOnly', true, config.pixel);
      const view = name === 'PageView';
      const single = foreign || (view && viewed);
      viewed = viewed || view;
      const method = (single ? 'trackSingle' : 'track') + (custom ? 'Custom' : '');
      call(method, ...(single ? [config.pixel] : []), name, data, { eventID: id });
    }
    note(name, id, data);
  };

  const fireAll = (rows) => (rows || []).forEach(quietly(fire));

  // The snippet's own calls.
  const fired = ([name, id]) => {
    viewed = viewed || name === 'PageView';
    if (first(name, id)) note(name, id);
  };

  // ---- the report: what a page can know of its browser legs. Delivery is not among it.

  let rows = [];
  let timer;
  let tries;

  const note = (event_name, event_id, custom_data) => {
    rows.push([event_name, event_id]);
    tries = 0;
    later();
    if (options.dataLayer) {
      (w[options.dataLayer] = w[options.dataLayer] || []).push({ event: 'capi', event_name, event_id, custom_data });
    }
  };

  const later = () => {
    clearTimeout(timer);
    timer = after(700, flush);
  };

  const flush = (leaving) => {
    if (!rows[0]) return;
    const blocked = !config.pixelUrl || w.capi.blocked;
    const s = blocked ? 'blocked' : w.fbq && w.fbq.callMethod ? 'handed' : 'queued';
    if (s === 'queued' && !leaving && ++tries < 13) return later();
    const body = JSON.stringify({ v: 1, k: 'report', u: here(), s, e: rows.splice(0, 20) });
    if (!quietly(() => w.navigator.sendBeacon(endpoint, new Blob([body], { type: 'application/json' })))()) post(body);
    if (rows[0]) later();
  };

  // ---- asking

  const post = async (body, then, again) => {
    const answer = await send.call(w, endpoint, {
      method: 'POST',
      body,
      keepalive: true,
      headers: { 'Content-Type': 'application/json' },
    }).catch(() => 0);
    // A broken connection: the same ID once more, which the server counts once.
    if (!answer && then && !again) after(3000, () => post(body, then, 1));
    if (answer && answer.status === 200 && then) quietly(then)(await answer.json());
  };

  // One at a time: an answer sets the visitor's cookies, and the next question carries them.
  let line = Promise.resolve();

  const ask = (k, more, due) => {
    const message = { v: 1, k, u: here(), r: referrer, i: viewId, ...more };
    line = line
      .then(() => {
        if (due && !due()) return;
        message.t = tokens;
        return post(JSON.stringify(message), (answer) => hear(answer, message));
      })
      .catch(() => 0);
  };

  let waiting = [];
  let revoked;

  const hear = (answer, message) => {
    const granted = answer.state === 'granted';
    config.heard = 1;
    if (ready && !granted !== !!revoked) {
      revoked = !granted;
      call('consent', granted ? 'grant' : 'revoke');
    }
    if (!granted) {
      if (message.k === 'track') waiting.push(message);
      return;
    }
    config.user = answer.user || config.user;
    config.ldu = answer.ldu || config.ldu;
    tokens = tokens.filter((one) => !message.t.includes(one));
    fireAll(answer.events);
    waiting.splice(0).forEach((old) => ask('track', old));
    if (message.i !== viewId) return;
    held = false;
    // The page may not have been read when its view was asked about. Once it is here it has, or a moment later.
    const late = message.k === 'page';
    parsed(() =>
      after(late ? 1e3 : settle, () => {
        if (message.i !== viewId) return;
        // What an app has left standing of the page before says nothing of this one.
        const parts = markup();
        let p = '';
        parts.forEach((part) => {
          if (!(settle && drawn.includes(part)) && p.length + part.length < 24e3) p += part;
        });
        drawn = parts;
        if (answer.need && (!settle || /product/i.test(p))) ask('page', { p, l: +(late || settle > 0) });
      })
    );
  };

  let drawn = [];

  // What a reader of product facts wants of this page.
  const markup = () =>
    Array.from(d.querySelectorAll('meta[property],meta[name],script[type$="ld+json"]'), (part) => part.outerHTML);

  // ---- views

  // Whether the server is to say what this view has, and how long after a route change a page is drawn.
  let asking;
  let settle;

  const view = (ms) => {
    viewId = newId();
    held = asking = true;
    settle = ms;
    asks = 0;
    tokens = [];
    ask('view');
  };

  // What makes a page another page: not an anchor, not what campaigns add to an address.
  const place = () =>
    w.location.href
      .replace(/#(?![!/]).*/, '')
      .replace(/[?&]((utm|mc)_\w+|\w*clid|_gl)=[^&#]*/g, '')
      .replace(/[?&]/g, '');

  let shown = place();
  let path = w.location.pathname;
  let url = here();
  let routing;

  const arrive = () => {
    const now = place();
    if (now === shown) return;
    shown = now;
    path = w.location.pathname;
    referrer = url;
    url = here();
    // Meta's script would have sent these for the shop's other pixels, had its own watch of routes not been turned off.
    if (ours && w.fbq.disablePushState === true) others().forEach((id) => w.fbq('trackSingle', id, 'PageView'));
    view(700);
  };

  // Apps move in several steps, and draw the page after the address has changed.
  const moved = (type) => {
    if (type === 'replace' && path === w.location.pathname) shown = place();
    clearTimeout(routing);
    routing = after(w.Turbo ? 3000 : 250, arrive);
  };

  if (options.routes) {
    if (w.navigation) on(w.navigation, 'currententrychange', (event) => moved(event.navigationType));
    else {
      ['push', 'replace'].forEach((type) => {
        const name = type + 'State';
        const before = w.history[name];
        w.history[name] = function () {
          before.apply(this, arguments);
          quietly(moved)(type);
        };
      });
      on(w, 'popstate hashchange', moved);
    }
    on(w, 'turbo:load turbolinks:load', arrive);
  }

  on(w, 'pageshow', (event) => {
    if (event.persisted) options.again ? view() : recheck();
  });

  // ---- answers to the page's own requests: Server-Timing entries of our origin

  const timing = (text) => {
    JSON.parse(atob(text.replace(/-/g, '+').replace(/_/g, '/'))).forEach((one) =>
      one.trim ? token(one) : fireAll([one])
    );
    // The same calls, for the next page in case this one was gone.
    d.cookie = 'shop_told=; path=/; max-age=0';
  };

  const own = (address) => address.startsWith(w.location.origin + '/');

  const header = (address, answer) => {
    const found = own(address) && /\bcapi;desc="([\w=-]+)"/.exec(answer);
    if (found) timing(found[1]);
  };

  // Browsers keep the entries from pages on plain http; then, and only then, the page's requests are listened to.
  quietly(() => {
    if (w.isSecureContext && 'serverTiming' in w.PerformanceResourceTiming.prototype) {
      const read = (list) =>
        list.getEntries().forEach((entry) => {
          if (own(entry.name)) {
            entry.serverTiming.forEach((one) => one.name === 'capi' && quietly(timing)(one.description));
          }
        });
      return new w.PerformanceObserver(quietly(read)).observe({ type: 'resource', buffered: true });
    }
    w.fetch = function () {
      const answer = send.apply(this, arguments);
      answer.then((response) => header(response.url, response.headers.get('Server-Timing'))).catch(() => 0);
      return answer;
    };
    const request = w.XMLHttpRequest.prototype;
    const before = request.send;
    request.send = function () {
      on(this, 'load', () => header(this.responseURL, this.getResponseHeader('Server-Timing')));
      return before.apply(this, arguments);
    };
  })();

  // ---- consent: the server reads the tool's cookie, or the mirror that is written here for tools without one

  let asks = 0;
  let clicked;
  let cookies = d.cookie;

  const again = (always) => {
    cookies = d.cookie;
    if (++asks < 10) ask(held && asking ? 'view' : 'consent', {}, () => always || held || tokens[0]);
  };

  const token = (one) => {
    tokens.push(one);
    if (!held) again();
  };

  const consent = (answer, tool) => {
    d.cookie =
      'capi_consent=v1.' +
      (answer === 'granted' ? 'g.' : 'd.') +
      (tool || 'api') +
      '.' +
      (Date.now() + '').slice(0, 10) +
      '; path=/; max-age=15552000; samesite=lax' +
      (w.isSecureContext ? '; secure' : '');
    again(true);
  };

  // Usercentrics and Google's consent mode speak through the dataLayer, Osano's cookie is opaque.
  const word = () => {
    let said = quietly(() => w.Osano.cm.marketing)() || undefined;
    (w.dataLayer || []).forEach((entry) => {
      if (entry[0] === 'consent' && entry[1] === 'update') {
        said = entry[2].ad_storage === 'granted' && entry[2].ad_user_data !== 'denied';
      } else if (entry.event === 'consent_status' && /explicit/i.test(entry.type)) {
        said = Object.keys(entry).some((key) => /facebook|meta p/i.test(key) && entry[key]) || entry.ucCategory.marketing;
      }
    });
    return said;
  };

  const recheck = () => {
    const said = quietly(word)();
    const mirror = /capi_consent=v1\.([gd])/.exec(d.cookie);
    if (said ? !mirror || mirror[1] === 'd' : said === false && mirror && mirror[1] === 'g') {
      consent(said ? 'granted' : 'denied', 'layer');
    } else if (held && d.cookie !== cookies) again();
  };

  on(
    w,
    'CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated cookieyes_consent_update cmplz_status_change' +
      ' wp_listen_for_consent_change CookieInformationConsentGiven visitorConsentCollected' +
      ' borlabs-cookie-consent-saved cc:onConsent cc:onChange cf_consent',
    () => after(50, clicked ? () => again(true) : recheck)
  );

  on(w, 'click', () => {
    clicked = true;
    [400, 2000].forEach((ms) => after(ms, recheck));
  });

  on(d, 'visibilitychange', () => (d.hidden ? flush(true) : recheck()));

  // ---- the face

  const early = config.q || [];
  w.capi = {
    v: 1,
    ran: true,
    mount: config.mount,
    blocked: config.blocked,
    track: (n, data) => ask('track', { n, d: data || {}, i: newId() }),
    consent: quietly(consent),
    fired: { push: quietly((row) => (config.fired && config.fired.push(row), fired(row))) },
    events: { push: quietly(fire) },
    tokens: { push: quietly(token) },
  };

  const start = () => {
    viewId = newId();
    (config.fired || []).forEach(fired);
    fireAll(config.events);
    early.forEach(([name, args]) => w.capi[name](...args));
    parsed(() => {
      drawn = markup();
      d.querySelectorAll('script[data-capi]').forEach((part) => {
        const more = JSON.parse(part.textContent);
        fireAll(more.events);
        more.tokens.forEach(token);
      });
    });
    const load = w.performance.getEntriesByType('navigation')[0] || {};
    // A page with IDs in it that came from a service worker's store: they were another view's.
    const stored = config.fired && load.transferSize === 0 && load.encodedBodySize && load.type !== 'back_forward';
    if (config.carrier === 'collect' || stored) view();
    after(0, recheck);
  };

  // A page that is rendered ahead is no view until it is shown.
  if (d.prerendering) on(d, 'prerenderingchange', start);
  else quietly(start)();
})(window, document, OPTIONS);

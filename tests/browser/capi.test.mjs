// The served script under node's test runner, piece by piece. tests/browser/test_script_units.py runs this file.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FakePage, ID, PIXEL, config, granted } from './fake_page.mjs';

const plain = (value) => JSON.parse(JSON.stringify(value));
const inline = (more = {}) => config({ state: 'granted', carrier: 'inline', fired: [['PageView', ID]], ...more });

// The base code as the snippet leaves it behind.
const snippet = (w) => {
  const fbq = (w.fbq = (...args) => (fbq.callMethod ? fbq.callMethod(...args) : fbq.queue.push(args)));
  fbq.queue = [['init', PIXEL, {}], ['track', 'PageView', {}, { eventID: ID }]];
  fbq.disablePushState = true;
};
const inlinePage = (more = {}) => new FakePage({ config: inline(), before: snippet, ...more });

test('collect: asks for the view with an ID of its own, and fires what it is told', async () => {
  const page = new FakePage({ answer: (m) => granted(['PageView', {}, m.i], ['ViewContent', { value: 5 }, 'b'.repeat(32)]) });
  await page.pass();
  const [message] = page.messages;
  assert.equal(message.k, 'view');
  assert.match(message.i, /^[0-9a-f]{32}$/);
  assert.equal(message.u, 'https://shop.example/p/1');
  assert.deepEqual(page.calls, [
    ['init', PIXEL, {}],
    ['track', 'PageView', {}, { eventID: message.i }],
    ['track', 'ViewContent', { value: 5 }, { eventID: 'b'.repeat(32) }],
  ]);
  assert.equal(page.window.fbq.disablePushState, true);
  assert.equal(page.window.document.scripts[0].src, config().pixelUrl);
});

test('collect: the message is same-origin JSON that outlives the page', async () => {
  const page = new FakePage();
  await page.pass();
  assert.equal(page.request.method, 'POST');
  assert.equal(page.request.keepalive, true);
  assert.equal(page.request.headers['Content-Type'], 'application/json');
});

test('collect: no consent, no pixel: nothing of Meta is loaded', async () => {
  const page = new FakePage({ answer: () => ({ v: 1, state: 'held' }) });
  await page.pass(10000);
  assert.equal(page.window.fbq, undefined);
  assert.deepEqual(page.window.document.scripts, []);
});

test('collect: user data of the answer goes to init', async () => {
  const page = new FakePage({ answer: (m) => ({ ...granted(['PageView', {}, m.i]), user: { em: 'f'.repeat(64) } }) });
  await page.pass();
  assert.deepEqual(page.calls[0], ['init', PIXEL, { em: 'f'.repeat(64) }]);
});

test('collect: limited data use is told before init', async () => {
  const page = new FakePage({ answer: (m) => ({ ...granted(['PageView', {}, m.i]), ldu: [['LDU'], 1, 1000] }) });
  await page.pass();
  assert.deepEqual(page.calls[0], ['dataProcessingOptions', ['LDU'], 1, 1000]);
});

test('collect: product markup is sent when the answer asks for it', async () => {
  const parts = [{ outerHTML: '<script type="application/ld+json">{"@type":"Product"}</script>' }];
  const page = new FakePage({
    parts,
    answer: (m) => (m.k === 'view' ? { ...granted(['PageView', {}, m.i]), need: true } : granted(['ViewContent', {}, ID])),
  });
  await page.pass(1000);
  const [first, second] = page.messages;
  assert.equal(second.k, 'page');
  assert.equal(second.i, first.i);
  assert.ok(second.p.includes('"Product"'));
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'ViewContent']);
});

test('collect: a page that nobody has read is asked for once it is here, whatever its markup, and once more', async () => {
  let asked = 0;
  const page = new FakePage({
    readyState: 'loading',
    parts: [{ outerHTML: '<title>Start</title>' }],
    answer: (m) => {
      if (m.k === 'view') return { ...granted(['PageView', {}, m.i]), need: true };
      return asked++ ? granted(['ViewContent', {}, ID]) : { ...granted(), need: true };
    },
  });
  await page.pass(5000);
  assert.deepEqual(page.messages.map((m) => m.k), ['view']);
  page.window.document.readyState = 'interactive';
  page.window.document.dispatch('DOMContentLoaded');
  await page.pass(900);
  assert.deepEqual(page.messages.map((m) => [m.k, m.l]), [['view', undefined], ['page', 0]]);
  await page.pass(60000);
  assert.deepEqual(page.messages.map((m) => [m.k, m.l]), [['view', undefined], ['page', 0], ['page', 1]]);
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'ViewContent']);
  assert.equal(new Set(page.messages.map((m) => m.i)).size, 1);
});

test('routes: a page without product markup is not asked for', async () => {
  const page = new FakePage({
    parts: [{ outerHTML: '<title>Start</title>' }],
    answer: (m) => ({ ...granted(['PageView', {}, m.i]), need: m.k === 'view' && m.u.endsWith('/2') }),
  });
  await page.pass(1000);
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(9000);
  assert.deepEqual(page.messages.map((m) => m.k), ['view', 'view']);
});

test('collect: markup is cut at 24 000 characters', async () => {
  const parts = Array.from({ length: 30 }, () => ({ outerHTML: `<meta name="product" content="${'x'.repeat(2000)}">` }));
  const page = new FakePage({ parts, answer: (m) => ({ ...granted(), need: m.k === 'view' }) });
  await page.pass(1000);
  assert.ok(page.messages[1].p.length <= 24100);
});

test('collect: a broken connection is tried once more with the same ID', async () => {
  let tries = 0;
  const page = new FakePage({ answer: (m) => (tries++ ? granted(['PageView', {}, m.i]) : null) });
  await page.pass(5000);
  assert.equal(page.messages.length, 2);
  assert.equal(page.messages[0].i, page.messages[1].i);
  assert.equal(page.tracked.length, 1);
});

test('collect: a connection that stays broken is left alone', async () => {
  const page = new FakePage({ answer: () => null });
  await page.pass(60000);
  assert.equal(page.messages.length, 2);
});

test('prerendered: nothing until it is shown', async () => {
  const page = new FakePage({ prerendering: true, answer: (m) => granted(['PageView', {}, m.i]) });
  await page.pass(5000);
  assert.equal(page.messages.length, 0);
  page.window.document.dispatch('prerenderingchange');
  await page.pass();
  assert.equal(page.tracked.length, 1);
});

test('inline: the snippet has fired; the script asks nothing and fires nothing again', async () => {
  const page = inlinePage();
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
  page.window.capi.events.push(['PageView', {}, ID]);
  assert.equal(page.tracked.length, 1);
});

test('inline: what the end of the page tells the script later', async () => {
  const page = inlinePage();
  page.window.capi.fired.push(['ViewContent', 'b'.repeat(32)]);
  page.timing([['ViewContent', {}, 'b'.repeat(32)]]);
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView']);
});

test('no inline code: the data block is the snippet, and the script does everything', async () => {
  const block = config({ state: 'granted', carrier: 'inline', events: [['PageView', {}, ID]], user: { em: 'e' } });
  const page = new FakePage({
    config: null,
    nonce: 'n0nce',
    blocks: { 'capi-config': { textContent: JSON.stringify(block) } },
    dataBlocks: [{ textContent: JSON.stringify({ events: [['ViewContent', {}, ID]], tokens: [] }) }],
  });
  await page.pass();
  assert.deepEqual(page.calls.map((call) => call[1]), [PIXEL, 'PageView', 'ViewContent']);
  assert.equal(page.window.document.scripts[0].nonce, 'n0nce');
});

test('no snippet on the page: the script stays still', () => {
  const page = new FakePage({ config: null });
  assert.equal(page.window.capi, undefined);
});

test('run twice, as optimisers do: once', async () => {
  const page = new FakePage({ answer: (m) => granted(['PageView', {}, m.i]) });
  page.run();
  await page.pass();
  assert.equal(page.messages.length, 1);
});

test('the pixel cannot be loaded here: events are only reported, as blocked', async () => {
  const page = new FakePage({ config: config({ state: 'granted', carrier: 'inline', pixelUrl: '', events: [['PageView', {}, ID]] }) });
  await page.pass(2000);
  assert.equal(page.window.fbq, undefined);
  assert.equal(page.beacons[0].s, 'blocked');
});

test('once per ID over the pages of a tab', async () => {
  const storage = {};
  const rows = [['AddToCart', {}, ID]];
  const one = inlinePage({ storage });
  one.timing(rows);
  const two = inlinePage({ storage, config: inline({ fired: [] }) });
  two.timing(rows);
  assert.equal(one.tracked.filter((call) => call[1] === 'AddToCart').length, 1);
  assert.equal(two.tracked.filter((call) => call[1] === 'AddToCart').length, 0);
});

test('one ID may stand for two names', () => {
  const page = inlinePage();
  page.timing([['AddToCart', {}, ID], ['InitiateCheckout', {}, ID]]);
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'AddToCart', 'InitiateCheckout']);
});

test('storage that throws (blocked by the visitor) does not matter', async () => {
  const storage = new Proxy({}, { get() { throw new Error('denied'); }, set() { throw new Error('denied'); } });
  const page = new FakePage({ storage, answer: (m) => granted(['PageView', {}, m.i]) });
  await page.pass();
  assert.equal(page.tracked.length, 1);
});

test('header: only entries of our own origin and of our name', () => {
  const page = inlinePage();
  page.timing([['AddToCart', {}, 'b'.repeat(32)]], { name: 'https://shop.example.evil.test/cart' });
  page.timing([['AddToCart', {}, 'c'.repeat(32)]], { metric: 'db' });
  assert.equal(page.tracked.length, 1);
  assert.deepEqual(plain(page.observed), { type: 'resource', buffered: true });
});

test('header: a damaged entry is left alone, the next one is read', () => {
  const page = inlinePage();
  const entry = (description) => ({ name: 'https://shop.example/cart', serverTiming: [{ name: 'capi', description }] });
  page.observers[0]([entry('%%%'), entry(''), entry(Buffer.from('[["Lead",{},"x"]]').toString('base64'))]);
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'Lead']);
});

test('header: a custom event goes through trackCustom', () => {
  const page = inlinePage();
  page.timing([['Quiz done', { score: 3 }, ID, 1]]);
  assert.deepEqual(page.calls.at(-1), ['trackCustom', 'Quiz done', { score: 3 }, { eventID: ID }]);
});

test('plain http: fetch and XMLHttpRequest are listened to, and answer as before', async () => {
  const page = inlinePage({ secure: false, url: 'http://shop.example/p/1' });
  const header = (id) =>
    `db;dur=3, capi;desc="${Buffer.from(JSON.stringify([['AddToCart', {}, id]])).toString('base64url')}"`;
  page.respond = async (url) => ({ url, headers: { get: () => header(ID) }, body: 'the shop’s' });
  const response = await page.window.fetch('http://shop.example/cart', { method: 'POST' });
  assert.equal(response.body, 'the shop’s');
  await page.pass();
  const request = new page.window.XMLHttpRequest();
  request.responseURL = 'http://shop.example/cart';
  request.getResponseHeader = () => header('b'.repeat(32));
  request.send();
  request.dispatch('load');
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'AddToCart', 'AddToCart']);
  await page.window.fetch('http://evil.example/cart', { method: 'POST' });
  request.responseURL = 'http://evil.example/cart';
  request.getResponseHeader = () => header('c'.repeat(32));
  request.dispatch('load');
  await page.pass();
  assert.equal(page.tracked.length, 3);
});

test('plain http: a failed fetch fails as before', async () => {
  const page = inlinePage({ secure: false });
  page.respond = async () => {
    throw new TypeError('offline');
  };
  await assert.rejects(() => page.window.fetch('/cart', { method: 'POST' }), /offline/);
});

test('another pixel on the page: only ours hears of it, and is kept from what others track', async () => {
  const page = new FakePage({
    before: (w) => {
      snippet(w);
      w.fbq.queue = [['init', '999', {}], ['track', 'PageView']];
      w.fbq.disablePushState = undefined;
    },
    answer: (m) => granted(['PageView', {}, m.i], ['Made up', {}, ID, 1]),
  });
  await page.pass();
  assert.deepEqual(page.calls.slice(2).map((call) => call.slice(0, 3)), [
    ['init', PIXEL, {}],
    ['set', 'trackSingleOnly', true],
    ['trackSingle', PIXEL, 'PageView'],
    ['set', 'trackSingleOnly', true],
    ['trackSingleCustom', PIXEL, 'Made up'],
  ]);
  assert.deepEqual(page.window.document.scripts, []);
  assert.equal(page.window.fbq.disablePushState, undefined);
});

test('route: a pushed address is a view, with the page before as its referrer', async () => {
  const page = inlinePage({ answer: (m) => granted(['PageView', {}, m.i]) });
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(300);
  const [message] = page.messages;
  assert.equal(message.u, 'https://shop.example/p/2');
  assert.equal(message.r, 'https://shop.example/p/1');
  assert.deepEqual(page.tracked.at(-1), ['trackSingle', PIXEL, 'PageView', {}, { eventID: message.i }]);
});

test('route: several steps to one page are one view', async () => {
  const page = inlinePage();
  page.window.history.pushState({}, '', '/go/2');
  page.window.history.replaceState({}, '', '/p/2');
  await page.pass(1000);
  assert.deepEqual(page.messages.map((message) => message.u), ['https://shop.example/p/2']);
});

test('route: there and back at once is none', async () => {
  const page = inlinePage();
  page.window.history.pushState({}, '', '/p/2');
  page.window.history.pushState({}, '', '/p/1');
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
});

for (const [name, method, url, views] of [
  ['an anchor', 'pushState', '/p/1#reviews', 0],
  ['a hash route', 'pushState', '/p/1#!/cart', 1],
  ['a query', 'pushState', '/p/1?page=2', 1],
  ['a campaign taken out of the address', 'pushState', '/p/1?utm_source=x&fbclid=y', 0],
  ['another path by replaceState', 'replaceState', '/p/2', 1],
  ['a filter kept in the query by replaceState', 'replaceState', '/p/1?color=red', 0],
]) {
  test(`route: ${name}: ${views ? 'a view' : 'no view'}`, async () => {
    const page = inlinePage();
    page.window.history[method]({}, '', url);
    await page.pass(1000);
    assert.equal(page.messages.length, views);
  });
}

test('route: markup that the page before has left standing is not this page’s', async () => {
  const parts = [{ outerHTML: '<script type="application/ld+json">{"@type":"Product"}</script>' }];
  const page = inlinePage({ parts, answer: (m) => ({ ...granted(), need: m.k === 'view' }) });
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(2000);
  assert.deepEqual(page.messages.map((message) => message.k), ['view']);
  page.window.history.pushState({}, '', '/p/3');
  // Turbo adds the new page's scripts to the old page's head.
  parts.push({ outerHTML: '<script type="application/ld+json">{"@type":"Product","sku":"3"}</script>' });
  await page.pass(2000);
  assert.deepEqual(page.messages.map((message) => message.k), ['view', 'view', 'page']);
  assert.equal(page.messages[2].p, parts[1].outerHTML);
});

test('route: back', async () => {
  const page = inlinePage();
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(1000);
  page.window.history.pushState({}, '', '/p/1');
  page.window.dispatch('popstate');
  await page.pass(1000);
  assert.equal(page.messages.length, 2);
});

test('route: Turbo draws the page before it is asked about', async () => {
  const page = inlinePage({ before: (w) => { snippet(w); w.Turbo = {}; } });
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
  page.window.dispatch('turbo:load');
  await page.pass(5000);
  assert.equal(page.messages.length, 1);
});

test('route: the other pixels of the shop keep the PageViews that Meta’s script would have sent them', async () => {
  const page = inlinePage();
  page.loadPixel([{ id: '999' }]);
  page.window.history.pushState({}, '', '/p/2');
  await page.pass(1000);
  assert.ok(page.calls.some((call) => call[0] === 'trackSingle' && call[1] === '999' && call[2] === 'PageView'));
});

test('back/forward cache: no second view by default', async () => {
  const page = inlinePage();
  page.window.dispatch('pageshow', { persisted: true });
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
});

test('a stored page with IDs in it, from a service worker: a view of its own', async () => {
  const page = inlinePage({ navigation: { type: 'navigate', transferSize: 0, encodedBodySize: 900 } });
  await page.pass(1000);
  assert.equal(page.messages[0].k, 'view');
});

test('held: a grant by the shop’s own call opens the tokens', async () => {
  const page = new FakePage({
    config: config({ carrier: 'inline', tokens: ['T1'] }),
    answer: (m, p) => (/capi_consent=v1\.g/.test(p.window.document.cookie) ? granted(['PageView', {}, ID]) : { state: 'held' }),
  });
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
  page.window.capi.tokens.push('T2');
  page.window.capi.consent('granted');
  await page.pass();
  assert.equal(page.messages[0].k, 'consent');
  assert.deepEqual(page.messages[0].t, ['T1', 'T2']);
  assert.match(page.lastCookie, /^capi_consent=v1\.g\.api\.\d{10}; path=\/; max-age=15552000; samesite=lax; secure$/);
  assert.deepEqual(page.calls.map((call) => call[0]), ['init', 'track']);
});

test('held: calls before the script are heard', async () => {
  const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'], q: [['consent', ['granted']]] }) });
  await page.pass();
  assert.equal(page.messages[0].k, 'consent');
});

for (const name of [
  'CookiebotOnAccept', 'OneTrustGroupsUpdated', 'cookieyes_consent_update', 'cmplz_status_change',
  'wp_listen_for_consent_change', 'CookieInformationConsentGiven', 'visitorConsentCollected',
  'borlabs-cookie-consent-saved', 'cc:onConsent', 'cf_consent',
]) {
  test(`held: ${name} with a new cookie asks`, async () => {
    const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }) });
    await page.pass(100);
    page.window.document.cookie = 'tool=yes';
    page.window.dispatch(name);
    await page.pass(100);
    assert.equal(page.messages[0].k, 'consent');
  });
}

test('held: a tool’s event on load, with nothing new, asks nothing', async () => {
  const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }) });
  page.window.dispatch('OneTrustGroupsUpdated');
  await page.pass(1000);
  assert.equal(page.messages.length, 0);
});

test('held: any tool’s cookie after a click asks', async () => {
  const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }) });
  await page.pass(100);
  page.window.dispatch('click');
  page.window.document.cookie = 'unknown_tool=all';
  await page.pass(3000);
  assert.equal(page.messages.length, 1);
});

test('held: tokens are kept until the answer opens them', async () => {
  let allowed = false;
  const page = new FakePage({
    config: config({ carrier: 'inline', tokens: ['T1'] }),
    answer: (m) => (allowed ? granted(['PageView', {}, ID]) : { state: 'held' }),
  });
  page.window.capi.consent('granted');
  await page.pass();
  allowed = true;
  page.window.capi.consent('granted');
  page.window.capi.consent('granted');
  await page.pass();
  assert.deepEqual(page.messages.map((message) => message.t), [['T1'], ['T1'], []]);
});

test('questions wait for each other: the first answer sets the visitor’s cookies', async () => {
  let answer;
  const page = new FakePage({ answer: () => new Promise((done) => (answer = done)) });
  await page.pass();
  page.window.capi.track('Lead');
  await page.pass();
  assert.equal(page.messages.length, 1);
  answer(granted());
  await page.pass();
  assert.equal(page.messages.length, 2);
});

for (const [name, entry, written] of [
  ['Google’s consent mode', ['consent', 'update', { ad_storage: 'granted', ad_user_data: 'granted' }], true],
  ['Google’s consent mode, refused', ['consent', 'update', { ad_storage: 'denied' }], false],
  ['Google’s default is no answer', ['consent', 'default', { ad_storage: 'granted' }], false],
  ['Usercentrics, by service', { event: 'consent_status', type: 'explicit', 'Facebook Pixel': true, ucCategory: {} }, true],
  ['Usercentrics, by category', { event: 'consent_status', type: 'EXPLICIT', ucCategory: { marketing: true } }, true],
  ['Usercentrics, not answered', { event: 'consent_status', type: 'implicit', ucCategory: { marketing: true } }, false],
]) {
  test(`held: ${name}`, async () => {
    const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }) });
    await page.pass(100);
    page.window.dataLayer = [entry];
    page.window.dispatch('click');
    await page.pass(3000);
    assert.equal(/capi_consent=v1\.g\.layer/.test(page.window.document.cookie), written);
    assert.equal(page.messages.length, written ? 1 : 0);
  });
}

test('held: Osano', async () => {
  const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }) });
  await page.pass(100);
  page.window.Osano = { cm: { marketing: true } };
  page.window.dispatch('click');
  await page.pass(3000);
  assert.equal(page.messages.length, 1);
});

test('held: the server is not asked without end', async () => {
  const page = new FakePage({ config: config({ carrier: 'inline', tokens: ['T1'] }), answer: () => ({ state: 'held' }) });
  for (let turn = 0; turn < 40; turn++) {
    page.window.document.cookie = `a=${turn}`;
    page.window.dispatch('click');
    await page.pass(3000);
  }
  assert.ok(page.messages.length <= 9);
});

test('withdrawn: the pixel is told, and told again on a new grant', async () => {
  const page = inlinePage({ answer: (m, p) => ({ state: /v1\.g/.test(p.window.document.cookie) ? 'granted' : 'denied' }) });
  page.window.capi.consent('denied');
  await page.pass();
  page.window.capi.consent('granted');
  await page.pass();
  assert.deepEqual(page.messages.map((message) => message.k), ['consent', 'consent']);
  assert.deepEqual(page.calls.slice(-2), [['consent', 'revoke'], ['consent', 'grant']]);
});

test('track: the server decides, the answer is fired', async () => {
  const page = inlinePage({ answer: (m) => granted([m.n, m.d, m.i]) });
  page.window.capi.track('Lead', { value: 5 });
  await page.pass();
  const [message] = page.messages;
  assert.deepEqual(page.calls.at(-1), ['track', 'Lead', { value: 5 }, { eventID: message.i }]);
});

test('track before consent is sent after it', async () => {
  let allowed = false;
  const page = new FakePage({ answer: (m) => (allowed ? granted([m.n || 'PageView', {}, m.i]) : { state: 'held' }) });
  await page.pass();
  page.window.capi.track('Lead');
  await page.pass();
  allowed = true;
  page.window.capi.consent('granted');
  await page.pass();
  assert.deepEqual(page.tracked.map((call) => call[1]), ['PageView', 'Lead']);
});

test('report: one batch for what the pixel has taken', async () => {
  const page = inlinePage();
  page.window.capi.fired.push(['ViewContent', 'b'.repeat(32)]);
  page.loadPixel();
  await page.pass(2000);
  assert.equal(page.beacons.length, 1);
  const { url, type, k, s, e } = page.beacons[0];
  assert.deepEqual(plain({ url, type, k, s, e }), {
    url: 'https://shop.example/_shop/collect',
    type: 'application/json',
    k: 'report',
    s: 'handed',
    e: [['PageView', ID], ['ViewContent', 'b'.repeat(32)]],
  });
});

test('report: waits for Meta’s script, and claims nothing when it does not come', async () => {
  const page = inlinePage();
  await page.pass(5000);
  assert.equal(page.beacons.length, 0);
  await page.pass(10000);
  assert.equal(page.beacons[0].s, 'queued');
});

test('report: the snippet has seen Meta’s script blocked', async () => {
  const page = inlinePage();
  page.window.capi.blocked = true;
  await page.pass(2000);
  assert.equal(page.beacons[0].s, 'blocked');
});

test('report: our own load of it was blocked', async () => {
  const page = new FakePage({ answer: (m) => granted(['PageView', {}, m.i]) });
  await page.pass();
  page.window.document.scripts[0].onerror();
  await page.pass(2000);
  assert.equal(page.beacons[0].s, 'blocked');
});

test('report: on leaving, what there is', async () => {
  const page = inlinePage();
  page.window.document.hidden = true;
  page.window.document.dispatch('visibilitychange');
  assert.equal(page.beacons[0].s, 'queued');
});

test('report: by fetch where there is no beacon', async () => {
  const page = inlinePage({ beacon: false });
  page.loadPixel();
  await page.pass(2000);
  assert.equal(page.messages[0].k, 'report');
});

test('what cannot be written as JSON is lost alone', async () => {
  const page = inlinePage();
  const circle = {};
  circle.circle = circle;
  page.window.capi.track('Lead', circle);
  page.window.capi.track('Contact');
  await page.pass();
  assert.deepEqual(page.messages.map((message) => message.n), ['Contact']);
});

test('an answer that is no JSON ends nothing', async () => {
  let first = true;
  const page = new FakePage({
    config: inline(),
    before: (w) => {
      snippet(w);
      const honest = w.fetch;
      w.fetch = async (...args) => {
        const answer = await honest(...args);
        if (first) answer.json = async () => JSON.parse('<html>');
        first = false;
        return answer;
      };
    },
  });
  page.window.capi.track('Lead');
  page.window.capi.track('Contact');
  await page.pass();
  assert.deepEqual(page.messages.map((message) => message.n), ['Lead', 'Contact']);
});

test('no name is left behind but the known ones', async () => {
  const page = new FakePage({ answer: (m) => granted(['PageView', {}, m.i]), load: false });
  const before = new Set(Object.keys(page.window));
  page.run();
  page.window.dispatch('click');
  page.window.history.pushState({}, '', '/p/2');
  page.window.document.dispatch('visibilitychange');
  page.window.capi.consent('granted');
  await page.pass(20000);
  assert.deepEqual(Object.keys(page.window).filter((name) => !before.has(name)).sort(), ['_fbq', 'fbq']);
});

test('the shop’s errors stay the shop’s: fbq that throws does not stop the rest', async () => {
  const page = inlinePage();
  page.window.fbq = Object.assign(() => { throw new Error('shop'); }, { queue: [] });
  page.timing([['AddToCart', {}, ID], ['Lead', {}, ID]]);
  await page.pass(2000);
});

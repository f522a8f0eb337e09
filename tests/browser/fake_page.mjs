// A page for the script under test: as much of a browser as it touches, with the clock and the network in our hands.
import vm from 'node:vm';
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';

const SCRIPT = readFileSync(process.env.CAPI_SCRIPT, 'utf8');
export const PIXEL = '1234567890';

class Target {
  constructor() {
    this.listeners = {};
  }
  addEventListener(name, work) {
    (this.listeners[name] = this.listeners[name] || []).push(work);
  }
  dispatch(name, event = {}) {
    (this.listeners[name] || []).forEach((work) => work.call(this, event));
  }
}

export class FakePage {
  // options: config, url, parts (elements that querySelectorAll gives), answers (message => answer), secure, …
  constructor(options = {}) {
    this.messages = [];
    this.beacons = [];
    this.observers = [];
    this.timers = [];
    this.now = 1_700_000_000_000;
    this.answer = options.answer || (() => ({ v: 1, state: 'granted', events: [] }));
    this.window = this.#window(options);
    this.context = vm.createContext(this.window);
    if (options.config !== null) this.window.capi = options.config || config();
    if (options.before) options.before(this.window, this);
    if (options.load !== false) this.run();
  }

  run() {
    vm.runInContext(SCRIPT, this.context);
  }

  #window(options) {
    const page = this;
    const w = new Target();
    const d = new Target();
    let href = options.url || 'https://shop.example/p/1';
    const location = {
      get href() {
        return href;
      },
      get origin() {
        return new URL(href).origin;
      },
      get pathname() {
        return new URL(href).pathname;
      },
      get protocol() {
        return new URL(href).protocol;
      },
    };
    const jar = new Map();
    Object.assign(d, {
      readyState: options.readyState || 'complete',
      referrer: options.referrer || '',
      hidden: false,
      prerendering: options.prerendering || false,
      currentScript: { nonce: options.nonce || '' },
      scripts: [],
      getElementById: (id) => (options.blocks || {})[id] || null,
      querySelectorAll: (what) => (what.includes('data-capi') ? options.dataBlocks || [] : options.parts || []),
      createElement: () => ({}),
      head: { appendChild: (element) => d.scripts.push(element) },
    });
    Object.defineProperty(d, 'cookie', {
      get: () => [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      set: (text) => {
        const [pair] = text.split(';');
        jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
        page.lastCookie = text;
      },
    });
    const history = {
      pushState: (_state, _title, url) => {
        href = new URL(url, href).href;
      },
      replaceState: (_state, _title, url) => {
        href = new URL(url, href).href;
      },
    };
    class PerformanceResourceTiming {}
    if (options.serverTiming !== false) PerformanceResourceTiming.prototype.serverTiming = [];
    class PerformanceObserver {
      constructor(work) {
        page.observers.push((entries) => work({ getEntries: () => entries }));
      }
      observe(what) {
        page.observed = what;
      }
    }
    class XMLHttpRequest extends Target {}
    XMLHttpRequest.prototype.send = function () {};
    class Clock extends Date {
      static now() {
        return page.now;
      }
    }
    Object.assign(w, {
      window: w,
      document: d,
      location,
      history,
      isSecureContext: options.secure !== false,
      sessionStorage: options.storage || {},
      crypto: webcrypto,
      atob: globalThis.atob,
      Blob: class {
        constructor(parts, about) {
          this.text = parts.join('');
          this.type = about.type;
        }
      },
      Date: Clock,
      PerformanceObserver,
      PerformanceResourceTiming,
      XMLHttpRequest,
      performance: { getEntriesByType: () => [options.navigation || { type: 'navigate', transferSize: 900 }] },
      navigator: {
        sendBeacon: (url, blob) => {
          if (options.beacon === false) return false;
          page.beacons.push({ url, type: blob.type, ...JSON.parse(blob.text) });
          return true;
        },
      },
      fetch: async (url, about) => {
        if (about === undefined || !String(url).endsWith('/collect')) return page.respond(url, about);
        const message = JSON.parse(about.body);
        page.messages.push(message);
        page.request = about;
        const answer = await page.answer(message, page);
        if (answer === null) throw new TypeError('Failed to fetch');
        return { status: 200, json: async () => answer };
      },
      setTimeout: (work, ms = 0, ...args) => {
        const timer = { work, at: page.now + ms, args };
        page.timers.push(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        page.timers = page.timers.filter((one) => one !== timer);
      },
    });
    return w;
  }

  // Let answers arrive, and `ms` pass with every timer in its turn.
  async pass(ms = 0) {
    const end = this.now + ms;
    for (;;) {
      for (let turn = 0; turn < 12; turn++) await null;
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.now = Math.max(this.now, due.at);
      due.work(...due.args);
    }
    this.now = end;
  }

  // What fbq was told, as plain values: the queue of the stub, or what a loaded library was called with.
  get calls() {
    const fbq = this.window.fbq;
    return fbq ? JSON.parse(JSON.stringify((this.taken || []).concat(fbq.queue.map((args) => [...args])))) : [];
  }

  // Meta's script has come: it takes the queue, then calls.
  loadPixel(others = []) {
    const { fbq } = this.window;
    this.taken = fbq.queue.splice(0).map((args) => [...args]);
    fbq.callMethod = (...args) => this.taken.push(args);
    fbq.getState = () => ({
      pixels: this.taken.filter((args) => args[0] === 'init').map((args) => ({ id: args[1] })).concat(others),
    });
  }

  get tracked() {
    return this.calls.filter((call) => /^track/.test(call[0]));
  }

  timing(rows, { name = 'https://shop.example/cart', metric = 'capi' } = {}) {
    const description = Buffer.from(JSON.stringify(rows)).toString('base64url');
    this.observers.forEach((work) => work([{ name, serverTiming: [{ name: metric, description }] }]));
  }
}

export function config(more = {}) {
  return {
    v: 1,
    pixel: PIXEL,
    pixelUrl: 'https://connect.facebook.net/en_US/fbevents.js',
    mount: '/_shop',
    state: 'held',
    carrier: 'collect',
    ...more,
  };
}

export const ID = 'a'.repeat(32);
export const granted = (...events) => ({ v: 1, state: 'granted', events });

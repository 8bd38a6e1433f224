// WebKit by Debian's WebKitWebDriver, which speaks W3C WebDriver. Its browsers,
// contexts and pages have the part of puppeteer's API that the tests use, with
// these differences: url() is a promise, a page beside another is a window,
// because WebDriver cannot bring a tab to the front, and no event tells of
// script errors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const keys = { Tab: '\uE004', Enter: '\uE007' }; // WebDriver, section 17.4.2
const elementKey = 'element-6066-11e4-a52e-4f735466cecf'; // section 12.2
const patience = 60000; // in milliseconds; bounds every wait, as in puppeteer
const interval = 20;
// The answer of a script is lost when another document takes the place of its
// own, so while that may happen it is asked for again after this time. A shorter one
// has had the driver mix up answers on a busy machine.
const lost = 3000;

// The programs that run now. Each leads a process group, and ends with the
// tests, however they end.
const running = new Set();

function start(command, args, options) {
  const child = spawn(command, args, { detached: true, ...options });
  running.add(child);
  child.ended = new Promise((resolve) => { child.once('exit', resolve).once('error', resolve); });
  return child;
}

function end(child) {
  if (running.delete(child)) {
    try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended, or never started */ }
  }
  return child.ended;
}

process.on('exit', () => { for (const child of running) end(child); });
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// The answer of started, unless child ends before it.
const startedBy = (child, started) => Promise.race([
  started, child.ended.then(() => { throw new Error(child.spawnfile + ' did not start'); }),
]);

// Asks until the answer is true, and returns it.
async function until(ask, what, timeout = patience) {
  for (const deadline = performance.now() + timeout; ;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error('waited ' + timeout + ' ms for ' + what);
    await delay(interval);
  }
}

async function startDisplay() {
  const child = start('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const [number] = await startedBy(child, once(child.stdio[3], 'data'));
  return [child, ':' + String(number).trim()];
}

// No other process listens on this address, so a port that is free stays free.
const host = [127, 128 | process.pid >>> 16, process.pid >>> 8 & 255, process.pid & 255].join('.');

async function freePort() {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startDriver(display, home, dark) {
  const port = await freePort();
  const env = {
    PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: display, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1',
    LIBGL_ALWAYS_SOFTWARE: '1', GTK_THEME: dark ? 'Adwaita:dark' : 'Adwaita',
  };
  const child = start('WebKitWebDriver', ['--host=' + host, '--port=' + port], { stdio: 'ignore', env });
  const url = 'http://' + host + ':' + port;
  await startedBy(child, until(() => fetch(url + '/status').catch(() => false), 'WebKitWebDriver'));
  return [child, url];
}

// There is no window manager, so the focus is where the pointer is: in the
// middle of the display, which is 1280 x 1024.
const front = { x: 600, y: 400 };
const aside = { x: 2000, y: 400 };

// A WebDriver session. One command is under way at a time, each in the window
// that it is for.
class Session {
  #url;
  #window;
  #front;
  #last = Promise.resolve();

  constructor(url) { this.#url = url; }

  async open(args) {
    // The driver's own waiting for pages has been seen to last for ever after going back.
    const capabilities = { alwaysMatch: { pageLoadStrategy: 'none', 'webkitgtk:browserOptions': { args } } };
    const { sessionId } = await this.send('POST', '/session', { capabilities }, undefined, patience / 2);
    this.#url += '/session/' + sessionId;
    this.#window = this.#front = await this.send('GET', '/window');
    return this.#window;
  }

  async newWindow() {
    const { handle } = await this.send('POST', '/window/new', { type: 'window' });
    await this.bringToFront(handle);
    return handle;
  }

  async bringToFront(window) {
    if (this.#front !== window) await this.send('POST', '/window/rect', aside, this.#front);
    this.#front = window;
    await this.send('POST', '/window/rect', front, window);
  }

  send(...command) { return this.before(() => this.#command(...command)); }

  // Has f send commands, all of them before any that is sent later.
  before(f) {
    const sent = this.#last.then(() => f((...command) => this.#command(...command)));
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #command(method, path, body, window, timeout = 2 * patience) {
    if (window && window !== this.#window) await this.#request('POST', '/window', { handle: window }, timeout);
    this.#window = window || this.#window;
    return this.#request(method, path, body, timeout);
  }

  async #request(method, path, body, timeout) {
    const answer = await fetch(this.#url + path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(timeout) })
      .catch((cause) => { throw Object.assign(new Error(method + ' ' + path, { cause }), { code: cause.name }); });
    const { value } = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(method + ' ' + path + ': ' + value.error + ': ' + value.message), { code: value.error });
    return value;
  }
}

// A context is a session with a profile of its own, on a display of its own,
// so that its window always has the focus.
class Context {
  #browser;
  #children = [];
  #home;
  #session;
  #first;

  constructor(browser) { this.#browser = browser; }

  // Starts it anew if the driver does not get through to the browser, as has been seen.
  async start(options) {
    for (let attempts = 3; ; attempts--) {
      try {
        return await this.#open(options);
      } catch (error) {
        await this.close();
        if (attempts === 1 || error.code !== 'TimeoutError') throw error;
      }
    }
  }

  async #open({ javaScript = true, dark = false }) {
    this.#home = await mkdtemp(join(tmpdir(), 'dss-webkit-'));
    const [xvfb, display] = await startDisplay();
    this.#children.push(xvfb);
    const [driver, url] = await startDriver(display, this.#home, dark);
    this.#children.push(driver);
    this.#session = new Session(url);
    // Without its tool bar a window may be as narrow as a phone.
    this.#first = await this.#session.open(['--automation', '--full-screen', '--enable-javascript=' + javaScript]);
  }

  async newPage() {
    const window = this.#first || await this.#session.newWindow();
    this.#first = undefined;
    return new Page(this.#browser, this.#session, window);
  }

  async close() {
    await Promise.all(this.#children.map(end));
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

// What a selector has found. The driver now and then forgets what was found in
// a document that had just come, so it is looked for a second time.
class Element {
  #page;
  #selector;

  constructor(page, selector, reference) {
    this.#page = page;
    this.#selector = selector;
    this.reference = reference;
  }

  click() { return this.#send('/click', {}); }

  type(text) { return this.#send('/value', { text }); }

  async #send(path, body) {
    const send = (element) => this.#page.send('POST', '/element/' + element.reference[elementKey] + path, body);
    try {
      return await send(this);
    } catch (error) {
      const again = error.code === 'stale element reference' && await this.#page.$(this.#selector);
      if (!again) throw error;
      return send(again);
    }
  }
}

// When a document began, and whether one began at another time. WebKit takes
// this from two clocks whenever it is read: they drift, and a busy machine may
// pause the browser between them, which has been seen to add 8 ms.
const beginning = 'Math.min(performance.timeOrigin, performance.timeOrigin, performance.timeOrigin)';
const isAnother = '(began) => Math.abs(' + beginning + ' - began) > 5';

class Page {
  #browser;
  #session;
  #window;

  constructor(browser, session, window) {
    this.#browser = browser;
    this.#session = session;
    this.#window = window;
  }

  send(method, path, body, timeout) { return this.#session.send(method, path, body, this.#window, timeout); }

  browser() { return this.#browser; }

  on() {} // see above

  bringToFront() { return this.#session.bringToFront(this.#window); }

  async goto(url) {
    const go = () => this.send('POST', '/url', { url });
    const now = await this.url();
    const [before, after] = [now, url].map((address) => address.split('#')[0]);
    // A change of the fragment alone leaves the document, but the same address loads it again.
    if (before === after && url.includes('#') && url !== now) return go();
    const began = await this.#began();
    return this.#lead(go, isAnother, began, 'going to ' + url);
  }

  reload() { return Promise.all([this.waitForNavigation(), this.send('POST', '/refresh', {})]); }

  goBack() { return this.#traverse('/back'); }

  goForward() { return this.#traverse('/forward'); }

  url() { return this.send('GET', '/url'); }

  content() { return this.send('GET', '/source'); }

  // Works in a page whose scripts do not run, too. No function of a test takes
  // a sixth of its patience, so then the answer is lost.
  async evaluate(f, ...args) {
    try {
      return await this.#run(f, args, patience / 6);
    } catch (error) {
      if (error.code !== 'TimeoutError') throw error;
      return this.#run(f, args);
    }
  }

  $(selector) { return this.#find(selector); }

  async $eval(selector, f, ...args) {
    return this.evaluate(f, (await this.#get(selector)).reference, ...args);
  }

  waitForSelector(selector, { timeout } = {}) { return this.#until((brief) => this.#find(selector, brief), selector, timeout); }

  waitForFunction(f) { return this.#until((brief) => this.#run(f, [], brief), f); }

  // Waits for the document that follows the one that is there now.
  async waitForNavigation({ timeout } = {}) {
    const began = await this.#began();
    await this.#until((brief) => this.#arrived(brief, isAnother, began), 'a navigation', timeout);
  }

  async click(selector) { return (await this.#get(selector)).click(); }

  async type(selector, text) { return (await this.#get(selector)).type(text); }

  focus(selector) { return this.$eval(selector, (element) => element.focus()); }

  keyboard = {
    press: (key) => this.#press([keys[key]]),
    type: (text) => this.#press([...text]),
  };

  // The window may be wider than asked for, and neither the driver nor the page knows its
  // size at once: it is there when both say the same, the driver twice.
  async setViewport({ width, height }) {
    let before;
    await this.#until(async (brief) => {
      const now = await this.send('POST', '/window/rect', { ...front, width, height }, brief);
      const [last, size] = [before, now.width + ' ' + now.height];
      before = size;
      return size === last && size === await this.#run(() => innerWidth + ' ' + innerHeight, [], brief);
    }, width + ' by ' + height + ' pixels');
  }

  // A picture shows the frame before the one that is being drawn.
  async screenshot() {
    await this.evaluate(() => new Promise((drawn) => { requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))); }));
    return Buffer.from(await this.send('GET', '/screenshot'), 'base64');
  }

  async #find(selector, timeout) {
    const [found] = await this.send('POST', '/elements', { using: 'css selector', value: selector }, timeout);
    return found ? new Element(this, selector, found) : null;
  }

  async #get(selector) {
    const element = await this.$(selector);
    if (!element) throw new Error('no element is ' + selector);
    return element;
  }

  #run(f, args, timeout) {
    return this.send('POST', '/execute/sync', { script: 'return (' + f + ').apply(null, arguments)', args }, timeout);
  }

  #press(values) {
    const actions = values.flatMap((value) => [{ type: 'keyDown', value }, { type: 'keyUp', value }]);
    return this.send('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  // Goes to another entry of the history, which may be of the same document.
  async #traverse(path) {
    const left = '([began, address]) => (' + isAnother + ')(began) || location.href !== address';
    return this.#lead(() => this.send('POST', path, {}), left, [await this.#began(), await this.url()], 'going ' + path);
  }

  // Goes somewhere else, which is where a document passes the test. WebKit has been seen
  // to drop this for what it was about to load by itself: the empty page of a new window,
  // or a page that refreshes itself. So it goes again, unless it has left and is only late:
  // then the same document would come twice.
  async #lead(go, passes, arg, what) {
    await go();
    for (let attempts = 3; ; attempts--) {
      try {
        return await this.#until((brief) => this.#arrived(brief, passes, arg), what, patience / 3);
      } catch (error) {
        if (attempts === 1) throw error;
        if (!await this.#run(passes, [arg], lost).catch(() => false)) await go();
      }
    }
  }

  // Reports whether the document is complete, that of the address bar, and
  // passes the test.
  async #arrived(brief, passes, arg) {
    const address = await this.#run('(arg) => document.readyState === "complete" && (' + passes + ')(arg) && location.href', [arg], brief);
    return address && address === await this.url();
  }

  // When the document began that is there now. A property of its window would
  // not do: WebKit has been seen to lose it before the document went.
  // What is to lead to another document has to wait for the answer, even if it is
  // asked for twice.
  #began() {
    const script = { script: 'return ' + beginning, args: [] };
    return this.#session.before((command) =>
      this.#until((brief) => command('POST', '/execute/sync', script, this.#window, brief), 'a document'));
  }

  // Asks until the answer is true. While one document makes way for another
  // there may be nothing to ask.
  #until(ask, what, timeout) {
    const passing = ['javascript error', 'stale element reference', 'no such frame', 'no such window', 'TimeoutError', 'unknown error'];
    return until(() => ask(lost).catch((error) => { if (!passing.includes(error.code)) throw error; }), what, timeout);
  }
}

// A browser starts its contexts when they are asked for.
class Browser {
  #options;
  #contexts = [];
  #default;

  constructor(options) { this.#options = options; }

  async version() { return 'WebKit'; }

  async createBrowserContext() {
    const context = new Context(this);
    this.#contexts.push(context);
    await context.start(this.#options);
    return context;
  }

  async newPage() {
    this.#default ||= this.createBrowserContext();
    return (await this.#default).newPage();
  }

  async close() { await Promise.all(this.#contexts.map((context) => context.close())); }
}

export const launchWebKit = (options) => new Browser(options);

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
const patience = 30000; // in milliseconds, as puppeteer waits
const interval = 20;

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

process.once('exit', () => { for (const child of running) end(child); });
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

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

// A WebDriver session. One command is under way at a time, each in the window
// that it is for.
class Session {
  #url;
  #window;
  #last = Promise.resolve();

  constructor(url) { this.#url = url; }

  async open(args) {
    const { sessionId } = await this.send('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { args } } } });
    this.#url += '/session/' + sessionId;
    this.#window = await this.send('GET', '/window');
    return this.#window;
  }

  send(method, path, body, window) {
    const sent = this.#last.then(async () => {
      if (window && window !== this.#window) await this.#request('POST', '/window', { handle: window });
      this.#window = window || this.#window;
      return this.#request(method, path, body);
    });
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #request(method, path, body) {
    const answer = await fetch(this.#url + path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(60000) });
    const { value } = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(value.error + ': ' + value.message), { code: value.error });
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

  async start({ javaScript = true, dark = false }) {
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
    const window = this.#first || (await this.#session.send('POST', '/window/new', { type: 'window' })).handle;
    this.#first = undefined;
    return new Page(this.#browser, this.#session, window);
  }

  async close() {
    await Promise.all(this.#children.map(end));
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Element {
  #page;
  #path;

  constructor(page, reference) {
    this.#page = page;
    this.#path = '/element/' + reference[elementKey];
  }

  click() { return this.#page.send('POST', this.#path + '/click', {}); }

  type(text) { return this.#page.send('POST', this.#path + '/value', { text }); }
}

class Page {
  #browser;
  #session;
  #window;
  #navigations = 0;

  constructor(browser, session, window) {
    this.#browser = browser;
    this.#session = session;
    this.#window = window;
  }

  send(method, path, body) { return this.#session.send(method, path, body, this.#window); }

  browser() { return this.#browser; }

  on() {} // see above

  bringToFront() { return this.url(); }

  goto(url) { return this.send('POST', '/url', { url }); }

  reload() { return this.send('POST', '/refresh', {}); }

  goBack() { return this.send('POST', '/back', {}); }

  goForward() { return this.send('POST', '/forward', {}); }

  url() { return this.send('GET', '/url'); }

  content() { return this.send('GET', '/source'); }

  // Works in a page whose scripts do not run, too.
  evaluate(f, ...args) { return this.send('POST', '/execute/sync', { script: 'return (' + f + ').apply(null, arguments)', args }); }

  async $(selector) {
    const [found] = await this.send('POST', '/elements', { using: 'css selector', value: selector });
    return found ? new Element(this, found) : null;
  }

  async $eval(selector, f, ...args) {
    const [found] = await this.send('POST', '/elements', { using: 'css selector', value: selector });
    if (!found) throw new Error('no element is ' + selector);
    return this.evaluate(f, found, ...args);
  }

  waitForSelector(selector, { timeout } = {}) { return this.#until(() => this.$(selector), selector, timeout); }

  waitForFunction(f) { return this.#until(() => this.evaluate(f), f); }

  // Waits for the document that follows the one that is there now.
  async waitForNavigation() {
    const mark = ++this.#navigations;
    await this.evaluate((n) => { window.leaving = n; }, mark);
    return this.#until(() => this.evaluate((n) => window.leaving !== n && document.readyState === 'complete', mark), 'a navigation');
  }

  async click(selector) { return (await this.#get(selector)).click(); }

  async type(selector, text) { return (await this.#get(selector)).type(text); }

  focus(selector) { return this.$eval(selector, (element) => element.focus()); }

  keyboard = {
    press: (key) => this.#press([keys[key]]),
    type: (text) => this.#press([...text]),
  };

  setViewport({ width, height }) { return this.send('POST', '/window/rect', { x: 0, y: 0, width, height }); }

  async screenshot() { return Buffer.from(await this.send('GET', '/screenshot'), 'base64'); }

  async #get(selector) {
    const element = await this.$(selector);
    if (!element) throw new Error('no element is ' + selector);
    return element;
  }

  #press(values) {
    const actions = values.flatMap((value) => [{ type: 'keyDown', value }, { type: 'keyUp', value }]);
    return this.send('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  // Asks until the answer is true. While one document makes way for another
  // there may be nothing to ask.
  #until(ask, what, timeout) {
    return until(() => ask().catch((error) => {
      if (!['javascript error', 'stale element reference'].includes(error.code)) throw error;
    }), what, timeout);
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

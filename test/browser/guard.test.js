// The buttons of the pages that decide count only once they could be read: on
// the page that hands over and on the page for devices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { engines, inFreshPage, launch, launchWithoutScript, pressHeld, ready } from './browsers.js';
import { claim, post, secret, startDSS } from './dss.js';

// A proxy in front of dss that counts what is posted, and holds scripts back
// until they are let go.
async function startProxy(dss) {
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  const proxy = { posts: 0, go, url: '', stop() { server.close(); server.closeAllConnections(); } };
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.method === 'POST') proxy.posts++;
    if (incoming.url.endsWith('.js')) await held;
    const headers = { ...incoming.headers, host: new URL(dss.url).host };
    if (headers.origin) headers.origin = dss.url;
    const onward = request(new URL(incoming.url, dss.url), { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = 'http://localhost:' + server.address().port;
  return proxy;
}

// The pages, the button that says yes there, and what it leads to.
const pages = {
  'hand-over': {
    yes: 'button[value=finish]',
    async address() {
      const key = secret();
      return ['/auth/redirect?code=C&state=' + key, (dss) => claim(dss, key).then(({ code }) => code === 'C')];
    },
  },
  device: {
    yes: 'button[value=continue]',
    async address(dss) {
      const { user_code: code } = await post(dss, '/oauth/device_authorization', { client_id: '7' });
      return ['/device?user_code=' + code];
    },
  },
};

// What the page knows of a button, all at one time.
const look = (page, selector) => page.$eval(selector, (button) => {
  const [animation] = button.getAnimations();
  const { visibility, pointerEvents } = getComputedStyle(button);
  return {
    visible: visibility === 'visible', pointed: pointerEvents !== 'none', enabled: !button.disabled,
    time: animation ? animation.currentTime : null, delay: animation ? animation.effect.getTiming().delay : 0,
  };
});

const middle = async (page, selector) => page.$eval(selector, (button) => {
  const { x, y, width, height } = button.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
});

for (const name of engines) {
  describe(name + ': buttons that decide', () => {
    let dss, proxy, browser;
    before(async () => {
      [dss, browser] = await Promise.all([startDSS(), launch(name)]);
      proxy = await startProxy(dss);
      proxy.go();
    });
    after(async () => {
      await browser.close();
      proxy.stop();
      await dss.stop();
    });

    const inPage = (f) => () => inFreshPage(browser, f);

    for (const [what, { yes, address }] of Object.entries(pages)) {
      test(what + ': hidden until the script is there, then held', inPage(async (page) => {
        const slow = await startProxy(dss);
        try {
          const [path] = await address(dss);
          const loaded = page.goto(slow.url + path);
          await page.waitForSelector(yes);
          await page.waitForFunction(() => [...document.querySelectorAll('link[rel=stylesheet]')].every(({ sheet }) => sheet));
          const before = await look(page, yes);
          assert.equal(before.delay, 5000);
          assert.ok(before.time >= 5000 || !before.visible, 'visible after ' + before.time + ' ms');
          slow.go();
          await loaded;
          await page.waitForSelector(ready(yes));
          assert.equal(slow.posts, 0);
        } finally {
          slow.stop();
        }
      }));

      test(what + ': held for half a second after each return of focus or visibility', inPage(async (page) => {
        const [path] = await address(dss);
        await page.goto(proxy.url + path);
        await page.waitForSelector(ready(yes));
        for (const [target, event] of [['window', 'focus'], ['window', 'blur'], ['document', 'visibilitychange'], ['window', 'pageshow']]) {
          const [held, after] = await page.evaluate((on, type, selector) => new Promise((resolve) => {
            const button = document.querySelector(selector);
            const start = performance.now();
            (on === 'window' ? window : document).dispatchEvent(new Event(type));
            const { disabled } = button;
            new MutationObserver(() => { if (!button.disabled) resolve([disabled, performance.now() - start]); }).observe(button, { attributes: true });
          }), target, event, yes);
          assert.ok(held, 'not held at once after ' + event);
          assert.ok(after >= 500, 'held for ' + after + ' ms after ' + event);
        }
      }));

      test(what + ': neither a click nor a key without focus or visibility', inPage(async (page) => {
        const [path] = await address(dss);
        await page.goto(proxy.url + path);
        const posts = proxy.posts;
        for (const hide of [() => { document.hasFocus = () => false; }, () => { Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true }); }]) {
          await page.waitForSelector(ready(yes));
          await page.focus(yes);
          await page.evaluate(hide); // no event tells of it
          await page.keyboard.press('Enter');
          await page.$eval(yes, (button) => button.click());
          await (await page.$(yes)).click().catch(() => {});
          await page.waitForSelector(yes + ':disabled');
          await page.keyboard.press('Enter');
          await page.evaluate(() => {
            delete document.hasFocus;
            delete document.visibilityState;
            window.dispatchEvent(new Event('focus'));
          });
        }
        await page.waitForSelector(ready(yes));
        assert.equal(await page.evaluate(() => document.activeElement.value), yes.slice(13, -1), 'the focus is back');
        assert.equal(proxy.posts, posts, 'something was posted');
      }));
    }

    // WebKit's driver has no page in front of another one.
    if (name !== 'webkit') for (const [what, { yes, address }] of Object.entries(pages)) {
      test(what + ': the second half of a double click on what lay above it', inPage(async (page, context) => {
        const [path] = await address(dss);
        await page.setViewport({ width: 800, height: 1400 });
        await page.goto(proxy.url + path);
        await page.waitForSelector(ready(yes));
        const [x, y] = await middle(page, yes);
        const posts = proxy.posts;
        await page.evaluate(() => {
          window.clicked = [];
          window.returned = -Infinity;
          const back = () => { window.returned = performance.now(); };
          window.addEventListener('focus', back);
          document.addEventListener('visibilitychange', back);
          window.addEventListener('mousedown', () => window.clicked.push(performance.now() - window.returned), true);
        });
        const above = await context.newPage();
        await above.bringToFront();
        await page.mouse.move(x, y); // over a page that has no focus
        await above.close();
        await page.bringToFront();
        await page.mouse.click(x, y);
        const [after] = await page.evaluate(() => window.clicked).catch(() => [Infinity]);
        assert.ok(proxy.posts === posts || !(after < 500), 'posted by a click ' + after + ' ms after the return');
      }));
    }
  });

  describe(name + ' without JavaScript: buttons that decide', () => {
    let dss, proxy, browser, page;
    before(async () => {
      [dss, { browser, page }] = await Promise.all([startDSS(), launchWithoutScript(name)]);
      proxy = await startProxy(dss);
      proxy.go();
    });
    after(async () => {
      await browser.close();
      proxy.stop();
      await dss.stop();
    });

    for (const [what, { yes, address }] of Object.entries(pages)) {
      test(what + ': hidden for half a second', async () => {
        const [path, done = () => true] = await address(dss);
        if (name === 'chromium') await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
        await page.goto(proxy.url + path);
        if (name !== 'firefox') { // it lets a test read no page without scripts
          const { time, delay, visible } = await look(page, yes);
          assert.equal(delay, 500);
          assert.ok(time >= 500 || !visible, 'visible after ' + time + ' ms'); // later, it waits for a frame
        }
        await pressHeld(name, page, yes);
        assert.equal(proxy.posts > 0, true);
        assert.ok(await done(dss));
        proxy.posts = 0;
      });
    }
  });
}

// What a person does twice, or at once, ends at the app all the same: two tabs
// that sign in at the same time, an answer that gets lost, Approve clicked
// twice, Back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { consent, engines, inFreshPage, launch, patience, submit, text } from './browsers.js';
import { post, s256, secret, startDSS, startListener } from './dss.js';
import { said, unknownDevice } from './texts.js';


async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

// A port that is free, to be listened on at once.
async function freePort() {
  const probe = createServer();
  const port = await listen(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}

// Starts dss behind a slow network. Each answer to a path in slow waits until
// its function has come to an end; null loses it.
async function startSlow() {
  const slow = {};
  const to = await freePort();
  const network = createServer((incoming, outgoing) => {
    const onward = request({ port: to, host: '127.0.0.1', method: incoming.method, path: incoming.url, headers: incoming.headers }, async (answer) => {
      const wait = slow[incoming.url.split('?')[0]];
      if (wait && await wait() === null) return incoming.socket.destroy();
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => incoming.socket.destroy());
    incoming.pipe(onward);
  });
  const url = 'http://localhost:' + await listen(network);
  const dss = await startDSS('--listen', '127.0.0.1:' + to, '--public-url', url);
  return {
    url, slow,
    async stop() {
      network.close();
      network.closeAllConnections();
      await dss.stop();
    },
  };
}

// Returns a function that ends once it has been called n times.
function all(n) {
  let come;
  const gathered = new Promise((resolve) => { come = resolve; });
  return () => {
    if (--n === 0) come();
    return gathered;
  };
}

// Sends a page to an address and does not wait for it.
const send = (page, url) => page.evaluate((target) => { setTimeout(() => { location.href = target; }); }, url);

const click = async (page, decision) => {
  const button = await page.waitForSelector('button[value="' + decision + '"]', { timeout: patience });
  await button.click();
};

// Reports whether the page that asks has made way for the browser's own, of which no
// event tells in every browser.
const hasLeft = async (page, asked) => await page.url() !== asked &&
  page.evaluate(() => !document.querySelector('button[value="approve"]')).catch(() => true);

const backInTheApp = (page) => page.waitForFunction(() => document.title === 'app', { timeout: patience });

for (const name of engines) {
  describe(name + ': twice and at once', () => {
    let dss, browser, app;
    before(async () => { [dss, browser, app] = await Promise.all([startSlow(), launch(name), startListener()]); });
    after(async () => {
      await browser.close();
      app.stop();
      await dss.stop();
    });

    const inPage = (f) => () => inFreshPage(browser, async (...args) => {
      for (const path of Object.keys(dss.slow)) delete dss.slow[path];
      app.responses.length = 0;
      await f(...args);
    });

    function startSignIn() {
      const verifier = secret(), state = secret(), redirectURI = 'http://127.0.0.1:' + app.port + '/callback';
      const query = new URLSearchParams({
        response_type: 'code', client_id: '7', redirect_uri: redirectURI, state, scope: 'read_inbox',
        code_challenge: s256(verifier), code_challenge_method: 'S256',
      });
      return {
        url: dss.url + '/oauth/authorize?' + query,
        async assertEnds() {
          const codes = new Set(app.responses.filter((response) => response.state === state).map(({ code }) => code));
          assert.equal(codes.size, 1, 'codes for the app: ' + JSON.stringify(app.responses));
          const [code] = codes;
          const answer = await post(dss, '/oauth/token', {
            grant_type: 'authorization_code', client_id: '7', code, redirect_uri: redirectURI, code_verifier: verifier,
          });
          assert.equal(answer.status, 200, JSON.stringify(answer));
        },
      };
    }

    test('two tabs at once in a fresh profile', inPage(async (page, context) => {
      const other = await context.newPage();
      const [first, second] = [startSignIn(), startSignIn()];
      dss.slow['/oauth/authorize'] = all(2); // neither has a cookie when the other begins
      await send(page, first.url);
      await send(other, second.url);
      for (const tab of [other, page]) {
        await tab.bringToFront();
        await click(tab, 'approve');
        await backInTheApp(tab);
      }
      await first.assertEnds();
      await second.assertEnds();
    }));

    test('the answer of the callback is lost, and the page reloaded', inPage(async (page) => {
      const signIn = startSignIn();
      await page.goto(signIn.url);
      const asked = await page.url();
      dss.slow['/oauth/callback'] = () => null;
      await click(page, 'approve').catch(() => {}); // a navigation that fails may be an error
      for (const deadline = performance.now() + patience; !await hasLeft(page, asked);) {
        assert.ok(performance.now() < deadline, 'the page stays at ' + asked);
        await setTimeout(20);
      }
      assert.deepEqual(app.responses, []);
      delete dss.slow['/oauth/callback'];
      await page.reload();
      await backInTheApp(page);
      await signIn.assertEnds();
    }));

    // A Chromium that is on its way to another page takes no click of a test.
    // Others give up the requests of the page they leave.
    async function clickTwice(page, first) {
      const button = await page.waitForSelector('button[value="approve"]', { timeout: patience });
      if (name === 'chromium') {
        dss.slow['/healthz'] = () => first;
        await page.evaluate((approve) => {
          fetch('/healthz').then(() => approve.click());
          setTimeout(() => approve.click());
        }, button);
        return;
      }
      await button.click();
      await first;
      await button.click();
    }

    test('Approve is clicked twice', inPage(async (page) => {
      const signIn = startSignIn();
      await page.goto(signIn.url);
      const both = all(2);
      const first = new Promise((resolve) => {
        dss.slow['/oauth/callback'] = () => {
          resolve();
          return both();
        };
      });
      await clickTwice(page, first);
      await backInTheApp(page);
      await signIn.assertEnds();
    }));

    test('Back from Stack Exchange to the code', inPage(async (page) => {
      const device = await post(dss, '/oauth/device_authorization', { client_id: '7' });
      await page.goto(dss.url + '/device');
      await page.type('#user_code', device.user_code.toLowerCase().replace('-', '\u2011'));
      await submit(page, 'button.primary');
      await consent(page, 'continue');
      await Promise.all([page.waitForNavigation(), page.goBack()]);
      assert.equal(await text(page, 'h1'), unknownDevice);
      await page.reload();
      assert.equal(await text(page, 'h1'), unknownDevice);
      await consent(page, 'continue');
      await consent(page, 'approve');
      assert.equal(await text(page, 'h1'), said('result.waiting.title.unknown'));
    }));
  });
}

// What a person learns at the end of a sign-in: no more than is known.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { assertAccessible } from './axe.js';
import { address, assertCleanHistory, closeContext, consent, engines, inFreshPage, launch, press, section, submit, text, withoutBreaks } from './browsers.js';
import { claim, post, secret, signInURL, startDSS } from './dss.js';
import { said } from './texts.js';

const app = { appid: '17' };

// A port that is free, to be listened on at once.
async function freePort() {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// Starts dss behind a proxy that keeps what browsers send, or not their cookies.
async function startRecorded() {
  const requests = [];
  const recorded = { requests, cookies: true };
  const to = await freePort();
  const network = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    if (!recorded.cookies) delete headers.cookie;
    const record = { text: method + ' ' + url + ' ' + JSON.stringify(headers) };
    requests.push(record);
    const onward = request({ port: to, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => incoming.socket.destroy());
    incoming.on('data', (data) => { record.text += data; });
    incoming.pipe(onward);
  });
  network.listen(0, '127.0.0.1');
  await once(network, 'listening');
  const url = 'http://localhost:' + network.address().port;
  const dss = await startDSS('--listen', '127.0.0.1:' + to, '--public-url', url);
  Object.assign(recorded, {
    url,
    log: dss.log,
    async stop() {
      network.close();
      network.closeAllConnections();
      await dss.stop();
    },
  });
  return recorded;
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

for (const name of engines) {
  describe(name + ': the end of a sign-in', () => {
    let dss, brief, browser;
    before(async () => {
      [dss, brief, browser] = await Promise.all([startRecorded(), startDSS('--ttl', '5s'), launch(name)]);
    });
    after(async () => {
      await browser.close();
      await Promise.all([dss.stop(), brief.stop()]);
    });

    const inPage = (f) => () => inFreshPage(browser, f);

    const inSection = (page, name) => page.waitForSelector('[data-section=' + name + ']:not([hidden])', { timeout: 40000 });

    // Signs in and hands over; returns the key.
    async function handOver(page, server, grant) {
      const key = secret();
      await page.goto(signInURL(server, grant, key));
      await consent(page, 'approve');
      await press(page, 'confirm', 'finish', 'waiting');
      return key;
    }

    // The heading is the title, and has the focus.
    async function assertHeading(page, shown) {
      const heading = await text(page, '[data-section=' + shown + '] h1');
      assert.equal(heading, said('result.' + shown + (shown === 'expired' ? '.title' : '.title.unknown')));
      assert.equal(await page.evaluate(() => document.title), heading);
      assert.equal(withoutBreaks(await page.evaluate(() => document.activeElement.textContent)), heading);
    }

    for (const [grant, member] of [['implicit', 'access_token'], ['code', 'code']]) {
      test(grant + ' grant: waiting, then claimed; no request of the page has a secret', inPage(async (page) => {
        const key = await handOver(page, dss, grant);
        await assertHeading(page, 'waiting');
        dss.requests.length = 0;
        await page.waitForFunction(() => performance.getEntriesByType('resource').some((entry) => entry.initiatorType === 'fetch'));
        const answer = await claim(dss, key, app);
        await section(page, 'finished');
        await assertHeading(page, 'finished');
        const asked = dss.requests.filter(({ text }) => text.startsWith('GET /auth/result/'));
        assert.ok(asked.length > 0, 'the page asks');
        for (const { text } of asked) {
          for (const hidden of [key, answer[member]]) assert.ok(!text.includes(hidden), text);
        }
        assert.ok(!(await page.content()).includes(key));
        await assertCleanHistory(page, [key, answer[member]]);
        await page.reload();
        await section(page, 'finished');
      }));
    }

    test('not picked up yet, then claimed after all', inPage(async (page) => {
      const key = await handOver(page, dss, 'code');
      await inSection(page, 'late'); // after 20 s
      await assertHeading(page, 'late');
      await assertAccessible(page);
      assert.ok((await claim(dss, key, app)).code);
      await section(page, 'finished');
    }));

    test('nobody claims it', inPage(async (page) => {
      const key = await handOver(page, brief, 'code');
      await section(page, 'expired');
      await assertHeading(page, 'expired');
      assert.equal((await claim(brief, key, app)).status, 404);
      await page.reload();
      await section(page, 'expired');
    }));

    test('another browser has nothing of the address', inPage(async (page) => {
      await handOver(page, dss, 'code');
      const found = await address(page);
      const elsewhere = await browser.createBrowserContext();
      try {
        const other = await elsewhere.newPage();
        await other.goto(found);
        await section(other, 'nothing');
      } finally {
        await closeContext(elsewhere);
      }
      await page.bringToFront();
      await section(page, 'waiting|late');
    }));

    test('the browser forgets its cookies', inPage(async (page) => {
      await handOver(page, dss, 'code');
      dss.cookies = false;
      await section(page, 'sent');
      await assertHeading(page, 'sent');
      dss.cookies = true;
    }));

    test('somebody else deposits under the same key', inPage(async (page) => {
      const key = await handOver(page, dss, 'code');
      const elsewhere = await browser.createBrowserContext();
      try {
        const other = await elsewhere.newPage();
        await other.goto(dss.url + '/auth/redirect/17?code=OTHER&state=' + key);
        await press(other, 'confirm', 'finish', 'contended');
      } finally {
        await closeContext(elsewhere);
      }
      await page.bringToFront();
      await section(page, 'contended');
    }));

    for (const grant of ['implicit', 'code']) {
      test(grant + ' grant: the user did not start this', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(dss, grant, key));
        await consent(page, 'approve');
        await press(page, 'confirm', 'cancel', grant === 'implicit' ? 'ended' : 'unused');
        await assertAccessible(page);
        assert.equal((await claim(dss, key, app)).error_name, 'access_denied');
      }));
    }

    test('the fragment names what the user has allowed', inPage(async (page) => {
      const scope = 'write_access,read_inbox,access_team|stackoverflow.com/c/x,make_tea<b>,__proto__';
      await page.goto(dss.url + '/auth/redirect/17#access_token=T&state=' + secret() + '&scope=' + encodeURIComponent(scope));
      await section(page, 'confirm');
      const listed = await page.evaluate(() => [...document.querySelectorAll('[data-permissions] li')]
        .filter((item) => !item.hidden).map((item) => item.textContent));
      assert.deepEqual(listed, [
        said('device.scope.identity'), said('device.scope.write_access'), said('device.scope.read_inbox'),
        said('device.scope.access_team') + ' stackoverflow.com/c/x', 'make_tea<b>', '__proto__',
      ]);
      await page.goto(dss.url + '/');
      await page.goto(dss.url + '/auth/redirect/17#access_token=T&state=' + secret());
      await section(page, 'confirm');
      assert.equal(await page.$eval('[data-permissions]', (box) => box.hidden), true, 'nothing is known');
    }));

    const startDevice = () => post(dss, '/oauth/device_authorization', { client_id: '7', scope: 'read_inbox' });
    const poll = (device) => post(dss, '/oauth/token', { grant_type: deviceGrant, client_id: '7', device_code: device.device_code });
    const approve = async (page, device) => {
      await page.goto(device.verification_uri_complete);
      await submit(page, 'button[value="continue"]');
      await consent(page, 'approve');
      await section(page, 'waiting');
    };

    test('device grant: waiting, then fetched', inPage(async (page) => {
      const device = await startDevice();
      await approve(page, device);
      await assertHeading(page, 'waiting');
      await assertAccessible(page);
      assert.ok((await poll(device)).access_token);
      await section(page, 'finished');
      assert.equal(await page.$eval('[data-while]', (element) => element.hidden), true, 'it cannot be stopped any more');
    }));

    test('device grant: the user did not start this', inPage(async (page) => {
      const device = await startDevice();
      await approve(page, device);
      await submit(page, 'button[value="cancel"]');
      await section(page, 'unused');
      assert.equal((await poll(device)).error, 'access_denied');
    }));

    test('nothing secret is in the log', () => {
      assert.match(dss.log(), /GET \/auth\/result/);
      assert.doesNotMatch(dss.log() + brief.log(), /sign_in=|access_token=|state=|code=|\)\)/);
    });
  });
}

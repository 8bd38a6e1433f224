// A person signs in in a real browser at one server, and the app gets the
// result from another that shares its store.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { address, consent, inFreshPage, launch, press, section, submit } from './browsers.js';
import { claim, post, secret, signInURL, startDSS, startEngine } from './dss.js';

const app = { appid: '17' };

// The browser makes no difference to the store, so each store has one.
for (const [store, name] of [['redis', 'chromium'], ['cluster', 'firefox'], ['postgres', 'webkit']]) {
  describe(store + ', ' + name, () => {
    let engine, here, there, browser;
    before(async () => {
      engine = await startEngine(store);
      [here, there, browser] = await Promise.all([startDSS('--store', engine.url), startDSS('--store', engine.url), launch(name)]);
    });
    after(async () => {
      await browser.close();
      await Promise.all([here.stop(), there.stop()]);
      await engine.stop();
    });

    const inPage = (f) => () => inFreshPage(browser, f);

    for (const [grant, member] of [['implicit', 'access_token'], ['code', 'code']]) {
      test(grant + ' grant: the app waits at the other server', inPage(async (page) => {
        const key = secret();
        const waiting = claim(there, key, { ...app, wait: 60 });
        await page.goto(signInURL(here, grant, key));
        await consent(page, 'approve');
        await press(page, 'confirm', 'finish', 'waiting|finished');
        const answer = await waiting;
        assert.equal(answer.status, 200);
        assert.match(answer[member], /^[A-Za-z0-9()*]{22}\)\)$/);
        await section(page, 'finished');
        for (const dss of [here, there]) assert.equal((await claim(dss, key, app)).status, 404);
      }));

      test(grant + ' grant: the page of the one server says that the app has asked the other', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(here, grant, key));
        await consent(page, 'approve');
        await press(page, 'confirm', 'finish', 'waiting');
        await page.goto((await address(page)).replace(here.url, there.url)); // names of one host share cookies
        await section(page, 'waiting');
        assert.equal((await claim(here, key, app)).status, 200);
        await section(page, 'finished');
      }));

      test(grant + ' grant: deny', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(here, grant, key));
        await consent(page, 'deny');
        await section(page, 'refused');
        assert.equal((await claim(there, key, app)).error_name, 'access_denied');
      }));
    }

    test('device grant', inPage(async (page) => {
      const device = await post(here, '/oauth/device_authorization', { client_id: '7', scope: 'read_inbox' });
      await page.goto(device.verification_uri_complete);
      await submit(page, 'button[value="continue"]');
      await consent(page, 'approve');
      await section(page, 'waiting');
      await page.goto((await address(page)).replace(here.url, there.url));
      await section(page, 'waiting');
      const answer = await post(here, '/oauth/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: '7', device_code: device.device_code,
      });
      assert.equal(answer.status, 200);
      assert.match(answer.access_token, /^[A-Za-z0-9()*]{22}\)\)$/);
      await section(page, 'finished');
    }));
  });
}

// The pages on which a person registers the sandbox's apps, chooses how it behaves,
// and takes back what they have authorized.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { consent, engines, inFreshPage, launch, submit, text } from './browsers.js';
import { startDSS } from './dss.js';

for (const name of engines) {
  describe(name, () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    // Opens a page, which works without scripts: it has none.
    const open = async (page, path) => {
      await page.goto(dss.url + path);
      assert.equal(await page.evaluate(() => document.scripts.length), 0);
    };
    const heading = (page) => text(page, 'h1');
    const authorize = (page, clientID, path = '/oauth/dialog') =>
      open(page, '/sandbox' + path + '?' + new URLSearchParams({
        client_id: clientID, scope: 'read_inbox', redirect_uri: dss.url + '/sandbox/oauth/login_success',
      }));

    test('an app is registered right, after it was wrong', () => inFreshPage(browser, async (page) => {
      await authorize(page, '904');
      assert.equal(await heading(page), 'Application Login Failure');
      await open(page, '/sandbox/');
      const link = await page.$('a[href="/sandbox/applications/904"]');
      await Promise.all([page.waitForNavigation(), link.click()]);
      await (await page.$('[name=implicit]')).click();
      await submit(page, 'button[value=save]');
      assert.equal(await heading(page), 'How application 904 is registered');
      assert.equal(await page.$eval('[name=implicit]', (box) => box.checked), true);
      await authorize(page, '904');
      await consent(page, 'approve');
      assert.equal(await heading(page), 'Authorizing Application');
      assert.match(await page.url(), /#access_token=[^&]+&expires=86400&scope=read_inbox$/);
      await open(page, '/sandbox/applications/904');
      await submit(page, 'button[value=reset]');
      assert.equal(await page.$eval('[name=implicit]', (box) => box.checked), false);
    }));

    test('an app that is removed has no token', () => inFreshPage(browser, async (page) => {
      await authorize(page, '901');
      await consent(page, 'approve');
      const token = new URLSearchParams(new URL(await page.url()).hash.slice(1)).get('access_token');
      const me = () => fetch(dss.url + '/sandbox/2.3/me', { headers: { Authorization: 'Bearer ' + token } });
      assert.equal((await me()).status, 200);
      await open(page, '/sandbox/apps');
      await submit(page, '[value="901"] ~ button');
      assert.ok(!(await text(page, 'main')).includes('Application 901'));
      assert.equal((await (await me()).json()).error_id, 402);
    }));

    test('a second consent is silent, if the switch says so', () => inFreshPage(browser, async (page) => {
      await open(page, '/sandbox/switches');
      await page.$eval('[name=sandbox_decision]', (list) => { list.value = 'once'; });
      await submit(page, 'button');
      assert.equal(await page.$eval('[name=sandbox_decision]', (list) => list.value), 'once');
      await authorize(page, '31');
      await consent(page, 'approve');
      await page.goto('about:blank');
      await authorize(page, '31');
      assert.equal(await heading(page), 'Authorizing Application');
    }));
  });
}

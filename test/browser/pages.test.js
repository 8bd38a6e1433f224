// What the pages do without JavaScript, when prerendered, and in Try it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAccessible } from './axe.js';
import { consent, engines, inFreshPage, launch, launchWithoutScript, patience, press, pressHeld, section, text } from './browsers.js';
import { claim, secret, signInURL, startDSS } from './dss.js';

const app = { appid: '17' };

for (const name of engines) {
  describe(name + ' without JavaScript', () => {
    let dss, browser, page;
    before(async () => {
      [dss, { browser, page }] = await Promise.all([startDSS(), launchWithoutScript(name)]);
    });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    // Presses the button that is the nth to get the focus. The keyboard works
    // where a test could not look into the page, for want of scripts.
    const press = async (nth) => {
      for (let i = 0; i < nth; i++) await page.keyboard.press('Tab');
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    };
    const [approve, deny] = [1, 2];
    const pressButton = (decision) => pressHeld(name, page, 'section:not([hidden]) button[value=' + decision + ']');

    test('code grant: approve, finish', async () => {
      const key = secret();
      await page.goto(signInURL(dss, 'code', key));
      await press(approve);
      assert.equal((await claim(dss, key, app)).status, 404);
      await pressButton('finish');
      assert.ok(!(await page.url()).includes('code='), 'the code is still in the address bar');
      assert.ok((await claim(dss, key, app)).code);
    });

    test('code grant: cancel', async () => {
      const key = secret();
      await page.goto(signInURL(dss, 'code', key));
      await press(approve);
      await pressButton('cancel');
      assert.match((await claim(dss, key, app)).error_message, /cancelled/);
    });

    test('code grant: deny, and tell the app', async () => {
      const key = secret();
      await page.goto(signInURL(dss, 'code', key));
      await press(deny);
      assert.equal((await claim(dss, key, app)).status, 404);
      await pressButton('finish');
      assert.equal((await claim(dss, key, app)).error_name, 'access_denied');
    });

    test('implicit grant: nothing is handed over', async () => {
      const key = secret();
      await page.goto(signInURL(dss, 'implicit', key));
      await press(approve);
      assert.equal((await claim(dss, key, app)).status, 404);
    });

    // Firefox lets a test read no page without scripts.
    if (name !== 'firefox') {
      test('the pages say what happened, and what to do', async () => {
        await page.goto(signInURL(dss, 'implicit', secret()));
        await press(approve);
        assert.match(await text(page, '[data-section=working] noscript'), /turn JavaScript on/);
        const key = secret();
        await page.goto(signInURL(dss, 'code', key));
        await press(approve);
        await section(page, 'confirm');
        await pressButton('finish');
        await section(page, 'waiting');
        assert.ok((await claim(dss, key, app)).code);
        await Promise.all([page.waitForNavigation(), page.click('noscript a')]);
        await section(page, 'finished');
      });
    }
  });

  describe(name + ': Try it', () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    const inPage = (f) => () => inFreshPage(browser, f);
    const start = async (page, context, way, base = dss.url) => {
      await page.goto(base + '/');
      await page.waitForSelector('[data-controls]:not([hidden])');
      await page.click('[data-tryit] input[value=' + way + ']');
      await page.click('[data-start]');
      await page.waitForSelector('[data-status=waiting]:not([hidden])');
      const url = await page.$eval('[data-signin]', (link) => link.href);
      const tab = await context.newPage();
      await tab.goto(url);
      return tab;
    };

    // What the user does in the other tab, until the app has its answer.
    const signIn = {
      loopback: (tab) => consent(tab, 'approve'),
      async device(tab, page) {
        const code = await text(page, '[data-code]');
        assert.ok((await text(tab, 'main')).includes(code), 'the page shows ' + code);
        await consent(tab, 'continue');
        await consent(tab, 'approve');
      },
      async relay(tab, page) {
        const code = await text(page, '[data-code]');
        await consent(tab, 'approve');
        await section(tab, 'confirm');
        assert.equal(await text(tab, '[data-section=confirm] [data-match]'), code);
        await press(tab, 'confirm', 'finish', 'waiting|finished');
      },
    };

    for (const way of Object.keys(signIn)) {
      test(way + ', to the name', inPage(async (page, context) => {
        const tab = await start(page, context, way);
        await signIn[way](tab, page);
        await page.bringToFront();
        await page.waitForSelector('[data-status=done]:not([hidden])', { timeout: patience });
        assert.equal(await text(page, '[data-name]'), 'Sandbox User');
        assert.ok(!(await tab.url()).includes('code='), 'the code is in the address');
        const requests = await text(page, '[data-requests]');
        assert.match(requests, /GET \/sandbox\/2\.3\/me/);
        assert.doesNotMatch(requests, /"status"|"wait"/, 'an answer has members that are not its own');
        await assertAccessible(page);
        await page.click('[data-reset]');
        assert.equal(await page.$eval('[data-tryit] [data-run]', (run) => run.hidden), true);
      }));
    }

    test('relay, from an address that Stack Exchange does not know', inPage(async (page, context) => {
      const tab = await start(page, context, 'relay', dss.url.replace('localhost', '127.0.0.1'));
      await signIn.relay(tab, page);
      await page.bringToFront();
      await page.waitForSelector('[data-status=done]:not([hidden])', { timeout: patience });
    }));

    test('denied', inPage(async (page, context) => {
      const tab = await start(page, context, 'loopback');
      await consent(tab, 'deny');
      await page.bringToFront();
      await page.waitForSelector('[data-status=refused]:not([hidden])', { timeout: patience });
    }));
  });
}

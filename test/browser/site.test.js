// The pages for authors of apps and operators.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAccessible } from './axe.js';
import { engines, inFreshPage, launch, launchWithoutScript, text } from './browsers.js';
import { startDSS } from './dss.js';

const paths = ['/', '/docs/', '/docs/threats', '/docs/errors', '/docs/faq', '/security', '/privacy', '/status'];

for (const name of engines) {
  describe(name + ': the site', () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });
    const inPage = (f) => () => inFreshPage(browser, f);

    for (const path of paths) {
      test(path + ' can be read by everyone, also on a narrow screen', inPage(async (page) => {
        await page.setViewport({ width: 320, height: 640 });
        const said = [];
        page.on('console', (message) => said.push(message.text()));
        await page.goto(dss.url + path);
        assert.deepEqual(said, [], 'the console has messages');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'it scrolls sideways');
        assert.equal(await page.evaluate(() => document.title), await text(page, 'h1'));
        await assertAccessible(page);
        if (name === 'chromium') {
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
          await assertAccessible(page);
        }
      }));
    }

    test('the builder has each name beside its choices', inPage(async (page) => {
      await page.setViewport({ width: 1280, height: 720 });
      await page.goto(dss.url + '/');
      const apart = await page.evaluate(() => [...document.querySelectorAll('.row:has(.chips)')].map((row) => {
        const [name, chip] = ['.label', '.chip'].map((selector) => row.querySelector(selector).getBoundingClientRect());
        return [row.innerText, name.right <= chip.left, Math.abs(name.top + name.bottom - chip.top - chip.bottom) < 8];
      }));
      assert.equal(apart.length, 4);
      for (const [row, before, level] of apart) assert.ok(before && level, row);
    }));

    test('code is not broken, and scrolls', inPage(async (page) => {
      await page.setViewport({ width: 320, height: 640 });
      await page.goto(dss.url + '/docs/integrate');
      const wrapped = await page.evaluate(() => [...document.querySelectorAll('pre')].filter((block) => {
        const { lineHeight, paddingTop, borderTopWidth } = getComputedStyle(block);
        const lines = block.textContent.trimEnd().split('\n').length;
        return block.offsetHeight > (lines + 1.5) * parseFloat(lineHeight) + 2 * parseFloat(paddingTop) + 2 * parseFloat(borderTopWidth);
      }).map((block) => block.textContent));
      assert.deepEqual(wrapped, []);
    }));

    test('the builder follows the form, and its address can be shared', inPage(async (page) => {
      await page.goto(dss.url + '/');
      assert.match(await text(page, '[data-value]'), /SERVER = "http:\/\/localhost/);
      await page.waitForSelector('[data-without-script][hidden]');
      await page.click('[data-builder] input[value=java]');
      await page.click('[data-builder] input[value=relay]');
      await page.click('[data-builder] input[name=inbox]');
      await page.type('#client_id', '4711');
      const built = () => page.waitForFunction(() => {
        const program = document.querySelector('[data-value]').textContent;
        return /class Hello/.test(program) && /"4711"/.test(program) && /scope=read_inbox/.test(program);
      });
      await built();
      assert.equal(await text(page, '[data-run]'), 'java Hello.java');
      const shared = await page.url();
      await page.goto(dss.url + '/docs/');
      await page.goto(shared);
      await built();
      assert.equal(await page.$eval('#client_id', (field) => field.value), '4711');
      await page.click('[data-builder] input[value=curl]');
      await page.click('[data-builder] input[value=loopback]');
      await page.waitForSelector('[data-none]:not([hidden])');
      await page.waitForSelector('[data-program][hidden]');
    }));
  });

  describe(name + ': the builder without JavaScript', () => {
    let dss, browser, page;
    before(async () => { [dss, { browser, page }] = await Promise.all([startDSS(), launchWithoutScript(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    test('the form asks for the program', async () => {
      await page.goto(dss.url + '/?way=device&language=go&client_id=4711&inbox=on#builder');
      if (name === 'firefox') return; // lets a test read no page
      assert.match(await text(page, '[data-value]'), /clientID = "4711"[^]*DeviceAuth\(ctx\)/);
    });
  });
}

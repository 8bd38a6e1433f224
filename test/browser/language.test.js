// A person chooses another language on the page that holds their sign-in.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertCleanHistory, engines, inFreshPage, launch, section, text, withoutBreaks } from './browsers.js';
import { claim, secret, startDSS } from './dss.js';

const texts = (tag) => JSON.parse(readFileSync(new URL('../../internal/web/text/' + tag + '.json', import.meta.url)));
const ja = texts('ja');

for (const name of engines) {
  describe(name + ': the choice of a language', () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    async function choose(page, tag) {
      await (await page.waitForSelector('.languages summary')).click();
      const button = await page.waitForSelector('.languages button[value="' + tag + '"]');
      await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.click()]);
    }

    for (const [how, mark] of [['a fragment', '#'], ['a query', '?']]) {
      test('keeps an answer in ' + how, () => inFreshPage(browser, async (page) => {
        const key = secret();
        await page.goto(dss.url + '/auth/redirect/17' + mark + 'access_token=T-SECRET&state=' + key);
        await section(page, 'confirm');
        await choose(page, 'ja');
        await section(page, 'confirm');
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'ja');
        assert.equal(await text(page, '[data-section=confirm] [value=finish]'), withoutBreaks(ja['confirm.finish']));
        await assertCleanHistory(page, ['T-SECRET', key]);
        const button = await page.waitForSelector('[data-section=confirm] button[value=finish]:enabled');
        await button.click();
        const token = await claim(dss, key, { appid: '17', wait: '30' });
        assert.equal(token.access_token, 'T-SECRET');
      }));
    }

    test('holds on other pages', () => inFreshPage(browser, async (page) => {
      await page.goto(dss.url + '/device?user_code=BCDF-GHJK');
      await choose(page, 'ja');
      assert.equal(new URL(await page.url()).search, '?user_code=BCDF-GHJK');
      assert.equal(await text(page, 'h1'), withoutBreaks(ja['device.unknown.title']));
      await page.goto(dss.url + '/nowhere');
      assert.equal(await text(page, 'h1'), withoutBreaks(ja['problem.address.title']));
    }));
  });
}

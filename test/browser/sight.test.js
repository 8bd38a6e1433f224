// What a person decides is in sight at once: on a phone and on a desk, and after
// each step that asks again. The title of a page is its headline.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertAccessible } from './axe.js';
import { engines, inFreshPage, launch, section } from './browsers.js';
import { post, secret, startDSS } from './dss.js';

const screens = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 720 } };
const narrow = { width: 320, height: 640 }; // a desk at 400 percent
const apps = `[[app]]
client_id = "7"
app_id = "kestrel"
name = "Kestrel"
author = "kestrel.example"
[[app]]
client_id = "8"
app_id = "inbox"
name = "Acme Inbox"
shows_code = true
`;

for (const name of engines) {
  describe(name, () => {
    let folder, dss, browser;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'dss-sight-'));
      await writeFile(join(folder, 'apps.toml'), apps);
      [dss, browser] = await Promise.all([startDSS('--apps', join(folder, 'apps.toml')), launch(name)]);
    });
    after(async () => {
      await browser.close();
      await dss.stop();
      await rm(folder, { recursive: true });
    });

    const handOver = (path) => async (page) => {
      await page.goto(dss.url + '/auth/redirect' + path + '#access_token=T&state=' + secret());
      await section(page, 'confirm');
    };
    const noCode = (path) => async (page) => {
      await handOver(path)(page);
      await (await page.$('details.other summary')).click();
    };
    const device = (id, scope) => async (page) => {
      await page.goto((await post(dss, '/oauth/device_authorization', { client_id: id, scope })).verification_uri_complete);
    };
    const everything = 'read_inbox write_access private_info no_expiry';
    const questions = {
      'a hand-over': handOver('/kestrel'),
      'a hand-over to an app that shows the code': handOver('/inbox'),
      'a hand-over to an unknown app': handOver('/other'),
      'an app that shows no code': noCode('/kestrel'),
      'an unknown app that shows no code': noCode(''),
      'a code to type': (page) => page.goto(dss.url + '/device'),
      'a wrong code': (page) => page.goto(dss.url + '/device?user_code=BCDFGHJ'),
      'a device': device('7', 'read_inbox'),
      'a device that may do everything': device('7', everything),
      'a device of an unknown app': device('99', everything),
    };
    // The title, the headings and the buttons that can be seen, and how much too wide
    // the page is.
    const look = (page) => page.evaluate(() => {
      const seen = (element) => element.getClientRects().length > 0 && !element.closest('details:not([open]) > :not(summary)');
      const bottom = (element) => element.getBoundingClientRect().bottom;
      return {
        title: document.title.replace('Error: ', ''),
        heading: [...document.querySelectorAll('h1')].filter(seen).map((h1) => h1.textContent.replaceAll('\u00a0', ' ')),
        bottoms: [...document.querySelectorAll('main form :is(button, summary)')].filter(seen).map((b) => [b.textContent, bottom(b)]),
        covered: [...document.querySelectorAll('.tiles b')].filter(seen).some((tile) => {
          const { x, y, width, height } = tile.getBoundingClientRect();
          return document.elementFromPoint(x + width / 2, y + height / 2) !== tile;
        }),
        wide: document.documentElement.scrollWidth - innerWidth,
      };
    });

    for (const [what, ask] of Object.entries(questions)) {
      test(what, () => inFreshPage(browser, async (page) => {
        for (const [screen, size] of Object.entries(screens)) {
          await page.setViewport(size);
          await ask(page);
          const { title, heading, bottoms, covered, wide } = await look(page);
          assert.deepEqual(heading, [title]);
          assert.ok(bottoms.length > 0);
          for (const [button, bottom] of bottoms) assert.ok(bottom <= size.height, button + ' ends at ' + bottom + ' on a ' + screen);
          assert.ok(wide <= 0, 'on a ' + screen);
          assert.ok(!covered, 'the code is covered on a ' + screen);
        }
        await page.setViewport(narrow);
        assert.ok((await look(page)).wide <= 0, 'on a narrow screen');
        await assertAccessible(page);
      }));
    }

    // One that sees no code must not press what appears below the pointer by a double click.
    test('no double click connects', () => inFreshPage(browser, async (page) => {
      await handOver('/kestrel')(page);
      const summary = await page.waitForSelector('details.other summary');
      await page.evaluate(() => { // the clock of the page's own, on which the button comes back later
        const details = document.querySelector('details.other');
        details.addEventListener('toggle', () => setTimeout(() => { window.held = details.querySelector('button').disabled; }));
      });
      await summary.click();
      await page.waitForFunction(() => 'held' in window);
      assert.equal(await page.evaluate(() => window.held), true, 'it is held back');
      await page.waitForSelector('details.other button:enabled');
      assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY', 'the focus stays');
    }));
  });
}

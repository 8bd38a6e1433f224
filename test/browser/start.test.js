// An author registers an app: from what to fill in on Stack Apps to a trial of
// the client ID, with the apps of the sandbox, which are registered right and
// wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { assertAccessible } from './axe.js';
import { consent, engines, inFreshPage, launch, launchWithoutScript, submit, text, withoutBreaks } from './browsers.js';
import { startDSS } from './dss.js';

const texts = JSON.parse(readFileSync(new URL('../../internal/web/text/en.json', import.meta.url)));

const [domain, pkce, application] = [/set OAuth domain to localhost/, /tick Public client: Authorization Code with PKCE/, /client ID/];

// What Stack Exchange does with each app, what the author sees, and what there is
// to change.
const apps = {
  901: { approves: true, title: 'register.right.title', change: [] },
  902: { approves: true, title: 'register.not_taken.title', change: [pkce] },
  903: { seen: 'other', change: [pkce, application] },
  904: { approves: true, seen: 'dialog', change: [/tick Public client: Implicit/] },
  905: { seen: 'other', change: [pkce, application] },
  906: { seen: 'redirect_uri', change: [domain] },
  907: { seen: 'redirect_uri', change: [domain] },
  908: { seen: 'redirect_uri', change: [domain] },
  909: { approves: true, seen: 'login_success', change: [/Non-Web Client OAuth Redirect URI/] },
  910: { approves: true, seen: 'no_write', change: [/post about the app/] },
  911: { approves: true, seen: 'key', change: [/rotate the key/] },
  912: { seen: 'other', change: [pkce, application] },
};

const follow = (page, path) => Promise.all([page.waitForNavigation(), page.click('main a[href^="' + path + '"]')]);

const heading = (page) => text(page, 'h1');

const changes = (page) => page.evaluate(() =>
  [...document.querySelectorAll('main .lead strong, main ol strong')].map((element) => element.textContent));

async function assertReport(page, title, change) {
  assert.equal(await heading(page), texts[title]);
  assert.equal(withoutBreaks(await page.evaluate(() => document.title)), texts[title]);
  const found = await changes(page);
  assert.equal(found.length, change.length, found.join(' '));
  change.forEach((pattern, i) => assert.match(found[i], pattern));
}

// Types a client ID and sends the browser to Stack Exchange.
async function tryID(page, dss, id, needs = 'inbox=on&write=on') {
  await page.goto(dss.url + '/start/try?platform=desktop&' + needs);
  await page.type('#client_id', id);
  await submit(page, 'form[method=post] button');
}

// Says what there was to be seen, on a page that asks.
async function say(page, seen) {
  await page.click('input[value="' + seen + '"]');
  await submit(page, 'form:has(input[name=seen]) button');
}

for (const name of engines) {
  describe(name + ': /start', () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });
    const inPage = (f) => () => inFreshPage(browser, f);

    test('from nothing to a tried client ID', inPage(async (page) => {
      await page.goto(dss.url + '/');
      await follow(page, '/start');
      assert.equal(await heading(page), texts['register.choose.title']);
      await assertAccessible(page);
      await page.click('input[value=command_line]');
      await page.click('input[name=inbox]');
      await submit(page, 'button.primary');
      assert.equal(await heading(page), texts['register.values.title']);
      const values = await page.evaluate(() => [...document.querySelectorAll('[data-value]')].map((element) => element.textContent));
      for (const value of ['localhost', dss.url + '/oauth/authorize', 'read_inbox']) assert.ok(values.includes(value), values.join(' '));
      await assertAccessible(page);
      await follow(page, '/start/try?inbox=on&platform=command_line');
      await assertAccessible(page);
      await page.type('#client_id', '901');
      await submit(page, 'form[method=post] button');
      await consent(page, 'approve');
      await assertReport(page, 'register.right.title', []);
      assert.ok((await text(page, 'main')).includes(texts['register.revoked']));
      await assertAccessible(page);
      await follow(page, '/start?');
      const command = 'dss login --server ' + dss.url + ' --client-id 901 --scope read_inbox | dss whoami -';
      assert.ok((await text(page, 'main')).includes(command));
    }));

    test('a value is copied, or else selected', inPage(async (page) => {
      await page.goto(dss.url + '/start?platform=desktop');
      await page.waitForSelector('[data-copy]:not([hidden])');
      await page.click('[data-copy]');
      await page.waitForFunction(() => document.querySelector('[data-copied]:not([hidden])') || getSelection().toString() === 'localhost');
    }));

    // What a report says is the server's matter; how a browser gets there takes one app of each kind.
    const ids = name === 'chromium' ? Object.keys(apps) : ['901', '904', '906'];
    for (const id of ids) {
      const app = apps[id];
      test('app ' + id, inPage(async (page) => {
        await tryID(page, dss, id);
        if (app.approves) {
          await consent(page, 'approve');
          if (app.seen) await page.click('summary');
        } else {
          assert.equal(await heading(page), 'Application Login Failure');
          await page.goBack();
          await follow(page, '/start/report');
          assert.equal(await heading(page), texts['register.pending.title']);
          assert.ok((await text(page, '.facts')).includes(id), 'the trial is found again');
          if (id === '906') await assertAccessible(page);
        }
        if (app.seen) await say(page, app.seen);
        await assertReport(page, app.title || 'register.seen.title', app.change);
        if (app.change.length > 1) await assertAccessible(page);
      }));
    }

    test('on a phone, the likely choices and the button are on the first screen; rare ones follow', inPage(async (page) => {
      await page.setViewport({ width: 390, height: 844 });
      await page.goto(dss.url + '/start/report');
      assert.ok(await page.$eval('main .buttons', (element) => element.getBoundingClientRect().bottom < innerHeight));
      await page.click('summary');
      await assertAccessible(page);
      await page.click('input[value=unreachable]');
      await submit(page, 'details button');
      await assertReport(page, 'register.seen.title', [/open the server's address in this browser/]);
    }));

    test('denied', inPage(async (page) => {
      await tryID(page, dss, '901');
      await consent(page, 'deny');
      await assertReport(page, 'register.refused.title', [/try again and approve/]);
      assert.match(await text(page, 'q'), /denied/);
      await assertAccessible(page);
    }));

    test('a key is not taken, and not shown again', inPage(async (page) => {
      await tryID(page, dss, 'rl_SecretOfAnAuthor');
      assert.equal((await text(page, '[role=alert]')).trim(), texts['register.try.mistake']);
      assert.ok(!(await page.url()).includes('Secret') && !(await page.content()).includes('Secret'));
      await assertAccessible(page);
      await page.type('#client_id', '901');
      await submit(page, 'form[method=post] button');
      await consent(page, 'approve');
      await assertReport(page, 'register.right.title', []);
    }));

    test('reload, Back and Approve once more lead to the same report', inPage(async (page) => {
      await tryID(page, dss, '901');
      const asked = await page.url();
      await consent(page, 'approve');
      const report = await page.url();
      await page.reload();
      await assertReport(page, 'register.right.title', []);
      await page.goto(asked);
      await consent(page, 'approve');
      assert.equal(await page.url(), report);
    }));

    test('another browser cannot end it', inPage(async (page) => {
      await tryID(page, dss, '901');
      const asked = await page.url();
      await inFreshPage(browser, async (other) => {
        await other.goto(asked);
        await consent(other, 'approve');
        assert.equal(await heading(other), texts['problem.browser.title.unknown']);
      });
      await consent(page, 'approve');
      const report = await page.url();
      await inFreshPage(browser, async (other) => {
        await other.goto(report);
        await assertReport(other, 'register.gone.title', []);
        await assertAccessible(other);
      });
    }));

    test('another site starts nothing', inPage(async (page) => {
      const site = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end('<!doctype html><title>evil</title><form method="post" action="' + dss.url + '/start/try">' +
          '<input name="client_id" value="901"><button>Win a prize</button></form>');
      });
      site.listen(0, '127.0.0.1');
      await once(site, 'listening');
      try {
        await page.goto('http://127.0.0.1:' + site.address().port + '/');
        await submit(page, 'button');
        assert.ok((await text(page, 'main')).includes(texts['problem.origin.what']));
      } finally {
        site.close();
        site.closeAllConnections();
      }
    }));
  });

  describe(name + ': /start without JavaScript', () => {
    let dss, browser, page;
    before(async () => { [dss, { browser, page }] = await Promise.all([startDSS(), launchWithoutScript(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    // The keyboard works where a test cannot look into the page, for want of
    // scripts.
    const press = async (tabs, typed) => {
      for (let i = 0; i < tabs; i++) await page.keyboard.press('Tab');
      if (typed) await page.keyboard.type(typed);
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    };

    test('a tried client ID', async () => {
      await page.goto(dss.url + '/start');
      await press(2); // behind the link to the home page
      assert.equal(new URL(await page.url()).search, '?platform=desktop');
      await page.goto(dss.url + '/start/try?platform=desktop');
      await press(2, '902');
      await press(1); // approve
      assert.equal(new URL(await page.url()).pathname.split('/').slice(0, 3).join('/'), '/start/report');
      if (name === 'firefox') return; // lets a test read no page
      await assertReport(page, 'register.not_taken.title', [pkce]);
    });
  });
}

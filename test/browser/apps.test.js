// What pages say of apps, by the operator's list, and how a block looks.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { assertCleanHistory, engines, inFreshPage, launch, press, section, text } from './browsers.js';
import { claim, post, secret, startDSS } from './dss.js';

const list = (blocked) => `[[app]]
client_id = "7"
app_id = "inbox"
name = "Acme Inbox"
author = "Acme GmbH"
homepage = "https://example.com/"
icon = "inbox.png"
shows_code = true
${blocked}
[[app]]
client_id = "8"
app_id = "spam"
name = "دعوة"
blocked = 'It spams &amp; "lies".'
`;

// A black picture of 32 pixels a side.
function icon() {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.from([0, 0, 0, 32, 0, 0, 0, 32, 8, 0, 0, 0, 0])),
    chunk('IDAT', deflateSync(Buffer.alloc(32 * 33))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const folded = async (page, selector) => (await text(page, selector)).replace(/\s+/g, ' ');

for (const name of engines) {
  describe(name, () => {
    let folder, dss, browser;
    const write = async (blocked) => {
      await writeFile(join(folder, 'new.toml'), list(blocked));
      await rename(join(folder, 'new.toml'), join(folder, 'apps.toml'));
    };
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'dss-apps-'));
      await writeFile(join(folder, 'inbox.png'), icon());
      await write('');
      [dss, browser] = await Promise.all([startDSS('--apps', join(folder, 'apps.toml')), launch(name)]);
    });
    after(async () => {
      await browser.close();
      await dss.stop();
      await rm(folder, { recursive: true });
    });

    const inPage = (f) => () => inFreshPage(browser, f);
    const handOver = async (page, path, key) => {
      await page.goto(dss.url + '/auth/redirect' + path + '#access_token=T&state=' + key);
      await section(page, 'confirm');
      return folded(page, '[data-section=confirm]');
    };
    const device = async (page, id) => {
      await page.goto((await post(dss, '/oauth/device_authorization', { client_id: id })).verification_uri_complete);
      return folded(page, 'main');
    };

    test('on the relay, a listed app calls itself so', inPage(async (page) => {
      const words = await handOver(page, '/inbox', secret());
      assert.ok(words.includes('calls itself Acme Inbox; Stack Overflow showed you the app’s name a moment ago, and it must be the same.'), words);
      assert.ok(words.includes('Does Acme Inbox show this code right now?'), words);
      assert.equal(await page.$('[data-section=confirm] details.other'), null, 'an app that shows the code has no other way');
      assert.equal(await page.evaluate(() => document.title), 'Connect Acme Inbox to your Stack Overflow account?');
      assert.ok(!words.includes('does not know'), words);
      assert.equal(await page.$eval('[data-section=confirm] img.icon', (picture) => picture.naturalWidth), 32);
    }));

    test('an app that is not listed has no name, whatever the link says', inPage(async (page) => {
      for (const path of ['', '/StackOverflow']) {
        const words = await handOver(page, path, secret());
        assert.ok(words.includes('An app that this server does not know.'), words);
        assert.ok(words.includes('Go on only if you started this yourself, a moment ago.'), words);
        assert.ok(!/\b0\b/.test(words.replace(/[\dA-Z]{3}-[\dA-Z]{3}/, '')), words);
        assert.equal(await page.$('[data-section=confirm] img.icon'), null);
      }
    }));

    test('at /device, the name belongs to the client id', inPage(async (page) => {
      const known = await device(page, '7');
      assert.ok(known.includes('Let Acme Inbox into your Stack Overflow account?'), known);
      assert.ok(known.includes('Acme Inbox by Acme GmbH · asked just now'), known);
      assert.ok(!known.includes('calls itself'), known);
      assert.equal(await page.$eval('main img.icon', (picture) => picture.naturalWidth), 32);
      const unknown = await device(page, '99');
      assert.ok(unknown.includes('An app that this server does not know.'), unknown);
      assert.ok(unknown.includes('This server does not know who makes this app.'), unknown);
    }));

    test('a blocked app gets a page with the reason, and nothing is kept', inPage(async (page) => {
      for (const path of ['/spam#access_token=T&state=', '?appid=spam&code=C&state=']) {
        const key = secret();
        await page.goto(dss.url + '/auth/redirect' + path + key);
        await page.waitForFunction(() => location.pathname === '/auth/redirect/spam' && !location.hash && !location.search);
        const words = await folded(page, 'main');
        assert.ok(words.includes('does not let the app that calls itself دعوة sign you in'), words);
        assert.ok(words.includes('It spams &amp; "lies".'), words);
        await assertCleanHistory(page, [key]);
        await page.reload();
        assert.ok((await folded(page, 'main')).includes('"lies"'));
      }
    }));

    test('a block meets a page that asks', inPage(async (page) => {
      const key = secret();
      await handOver(page, '/inbox', key);
      await write('blocked = "Not today."');
      const refused = async () => (await claim(dss, key, { appid: 'inbox' })).status === 403;
      while (!await refused()); // within a second
      await press(page, 'confirm', 'finish', 'problem');
      assert.ok((await folded(page, '[data-section=problem]')).includes('the operator of this server has blocked Acme Inbox: Not today.'));
      await write('');
      while (await refused());
      assert.equal((await claim(dss, key, { appid: 'inbox' })).status, 404, 'something was deposited');
    }));
  });
}

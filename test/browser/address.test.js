// Nothing secret stays in the address bar, nor in the session history, whatever
// the answer is, with scripts and without.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { engines, inFreshPage, launch, launchWithoutScript, patience, walkBack } from './browsers.js';
import { claim, secret, startDSS } from './dss.js';

const canary = 'CANARY';
const key = secret();
const refused = [
  '/auth/redirect?access_token=CANARY',
  '/auth/redirect?access_token=CANARY&state=short',
  '/auth/redirect?code=CANARY&error=x&state=' + key,
  '/auth/redirect?access_token=CANARY&access_token=CANARY&state=' + key,
  '/auth/redirect?access_token=CANARY&state=' + key + '&expires=soon',
  '/auth/redirect?access_token=CANARY%zz&state=' + key,
  '/auth/redirect/17?appid=18&access_token=CANARY&state=' + key,
  '/auth/redirect/access_token=CANARY',
  '/auth/redirect/17/access_token=CANARY?access_token=CANARY',
  '/auth/redirect/?access_token=CANARY',
  '/oauth/callback?code=CANARY&state=' + key,
  '/oauth/callback?code=CANARY&error=x&state=dss.' + key,
  '/oauth/authorize?client_id=CANARY&state=CANARY',
  '/device?user_code=CANARY%zz',
];
const elsewhere = (path) => path.startsWith('/problem/');

// Waits until the address is good. It asks again and again: no event tells of
// every change of an address in every browser.
async function untilAddress(page, good, what) {
  for (const deadline = performance.now() + patience; ;) {
    const url = new URL(await page.url());
    if (good(url)) return;
    if (performance.now() > deadline) assert.fail(what + ' stays at ' + url.href);
    await setTimeout(20);
  }
}

// Opens all addresses in one tab, each from a page with an address of its own that
// holds nothing, and looks at every address that the tab has had. From what is not a
// page, browsers go to a page in another process, which takes long.
async function assertNothingStays(page, dss, addresses, fragment, cleanPath) {
  const before = (n) => dss.url + '/security?' + n;
  for (const [n, address] of addresses.entries()) {
    await page.goto(before(n));
    await page.goto(dss.url + address + fragment);
    await untilAddress(page, ({ href, pathname }) => cleanPath(pathname) && !href.includes(canary), address);
  }
  for (const url of await walkBack(page, before(0), 2 * addresses.length)) assert.ok(!url.includes(canary), url + ' is in the history');
}

for (const name of engines) {
  describe(name + ': addresses', () => {
    let dss, busy, browser;
    before(async () => {
      [dss, busy, browser] = await Promise.all([startDSS(), startDSS('--limits', '0.00001'), launch(name)]);
      await fetch(busy.url); // the one request there may be
    });
    after(async () => {
      await browser.close();
      await Promise.all([dss.stop(), busy.stop()]);
    });

    // Firefox reports the assets that a busy server refuses, and the icon that
    // it looks for where a document names none.
    const inPage = (f) => () => inFreshPage(browser, f, /blocked due to MIME type|favicon\.ico/);

    test('of refusals', inPage((page) => assertNothingStays(page, dss, refused, '#access_token=CANARY', elsewhere)));

    test('of a page that is not there', inPage((page) =>
      assertNothingStays(page, dss, ['/nowhere?access_token=CANARY', '/nowhere'], '#access_token=CANARY', (path) => path === '/nowhere')));

    test('of answers to a busy client', inPage((page) =>
      assertNothingStays(page, busy, ['/auth/redirect?access_token=CANARY&state=' + key, '/auth/redirect/17', '/oauth/callback?code=CANARY&state=' + key],
        '#access_token=CANARY', elsewhere)));

    test('of responses', inPage((page) =>
      assertNothingStays(page, dss, ['/auth/redirect?code=CANARY&state=' + key, '/auth/redirect?access_token=CANARY&state=' + key, '/auth/redirect?appid=17'],
        '#access_token=CANARY&state=' + key, (path) => path === '/auth/redirect')));

    for (const path of ['/auth/redirect', '/auth/redirect?code=C&state=' + key, '/problem/no_key', '/nowhere', '/device', '/device/finished']) {
      test('of ' + path.replace(key, 'K') + ' when the fragment changes', inPage(async (page) => {
        await page.goto(dss.url + '/');
        await page.goto(dss.url + path);
        const before = new URL(dss.url + path).pathname;
        await page.evaluate(() => { location.hash = '#access_token=CANARY&state=K'; });
        await untilAddress(page, ({ href, pathname }) => pathname === before && !href.includes('#'), path);
        for (const url of await walkBack(page, dss.url + '/', 3)) assert.ok(!url.includes(canary), url + ' is in the history');
        assert.equal((await claim(dss, key)).status, 404);
      }));
    }
  });

  describe(name + ' without JavaScript: addresses', () => {
    let dss, busy, browser, page;
    before(async () => {
      [dss, busy, { browser, page }] = await Promise.all([startDSS(), startDSS('--limits', '0.00001'), launchWithoutScript(name)]);
      await fetch(busy.url);
    });
    after(async () => {
      await browser.close();
      await Promise.all([dss.stop(), busy.stop()]);
    });

    test('of refusals', () => assertNothingStays(page, dss, refused, '', elsewhere));

    test('of answers to a busy client', () =>
      assertNothingStays(page, busy, ['/auth/redirect?access_token=CANARY&state=' + key, '/auth/redirect', '/oauth/callback?code=CANARY&state=' + key],
        '#access_token=CANARY', elsewhere));
  });
}

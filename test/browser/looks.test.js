// What a person sees on a phone and on a desk, by day and by night.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browsers, consent, engines, inFreshPage, launch, section } from './browsers.js';
import { post, secret, startCode, startListing } from './dss.js';

const editor = 'vscode://acme.inbox/callback';
const screens = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 720 } };
const inTheDark = {
  chromium: { args: [...browsers.chromium.args, '--blink-settings=preferredColorScheme=0'] },
  firefox: { extraPrefsFirefox: { 'ui.systemUsesDarkTheme': 1 } },
  webkit: { dark: true },
};

// The width of a picture, as its header says.
const pictureWidth = (png) => Buffer.from(png).readUInt32BE(16);

for (const name of engines) {
  for (const [light, options] of [['light', {}], ['dark', inTheDark[name]]]) {
    describe(name + ', ' + light, () => {
      let dss, browser;
      before(async () => { [dss, browser] = await Promise.all([startListing('71', [editor]), launch(name, options)]); });
      after(async () => {
        await browser.close();
        await dss.stop();
      });

      const places = {
        async 'the home page'(page) { await page.goto(dss.url + '/'); },
        async 'a hand-over'(page) {
          await page.goto(dss.url + '/auth/redirect/17#access_token=T&state=' + secret());
          await section(page, 'confirm');
        },
        async 'a code to type'(page) { await page.goto(dss.url + '/device'); },
        async 'a device to allow'(page) {
          const device = await post(dss, '/oauth/device_authorization', { client_id: '7', scope: 'read_inbox private_info no_expiry' });
          await page.goto(device.verification_uri_complete);
        },
        async 'an editor to open'(page) {
          await page.goto(startCode(dss, editor, { client_id: '71' }).url);
          await consent(page, 'approve');
        },
        async 'what to register'(page) { await page.goto(dss.url + '/start'); },
        async 'what to fill in'(page) { await page.goto(dss.url + '/start?platform=command_line&inbox=on&write=on&no_expiry=on'); },
        async 'a trial'(page) { await page.goto(dss.url + '/start/try?platform=desktop&mistaken=on'); },
        async 'a report'(page) { await page.goto(dss.url + '/start/report?seen=failure'); },
        async 'a problem'(page) { await page.goto(dss.url + '/oauth/authorize'); },
        async 'the sandbox'(page) { await page.goto(dss.url + '/sandbox/'); },
        async 'an app of the sandbox'(page) { await page.goto(dss.url + '/sandbox/applications/906'); },
        async 'the switches of the sandbox'(page) { await page.goto(dss.url + '/sandbox/switches'); },
      };

      test('every page fits', () => inFreshPage(browser, async (page) => {
        for (const [screen, size] of Object.entries(screens)) {
          await page.setViewport(size);
          for (const [place, open] of Object.entries(places)) {
            await open(page);
            const [width, needed, ground] = await page.evaluate(() => [
              innerWidth, document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor,
            ]);
            assert.equal(width, size.width);
            assert.ok(needed <= width, place + ' on a ' + screen + ' is ' + needed + ' wide');
            const brightness = Math.max(...ground.match(/[\d.]+/g).slice(0, 3).map(Number));
            assert.equal(brightness < 128, light === 'dark', place + ' is on ' + ground);
            assert.equal(pictureWidth(await page.screenshot()), width);
          }
        }
      }));
    });
  }
}

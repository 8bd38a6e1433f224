// A person signs in in a real browser, and the app gets the result.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { assertCleanHistory, closeContext, consent, engines, inFreshPage, launch, press, section, text } from './browsers.js';
import { claim, matchCode, secret, signInURL, startDSS } from './dss.js';
import { said } from './texts.js';

const app = { appid: '17' };

for (const name of engines) {
  describe(name, () => {
    let dss, sessions, browser;
    before(async () => {
      [dss, sessions, browser] = await Promise.all([startDSS(), startDSS('--confirm', 'sessions'), launch(name)]);
    });
    after(async () => {
      await browser.close();
      await Promise.all([dss.stop(), sessions.stop()]);
    });

    const inPage = (f) => () => inFreshPage(browser, f);

    for (const [grant, member] of [['implicit', 'access_token'], ['code', 'code']]) {
      test(grant + ' grant: approve, finish, claim once', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(dss, grant, key));
        await consent(page, 'approve');
        await section(page, 'confirm');
        assert.equal(await text(page, '[data-match]'), matchCode(key));
        assert.match(await text(page, '[data-section=confirm]'), /link is 17\./);
        assert.equal((await claim(dss, key, app)).status, 404, 'nothing is handed over before the click');
        await assertCleanHistory(page, [key]);
        await press(page, 'confirm', 'finish', 'waiting');
        const answer = await claim(dss, key, app);
        assert.deepEqual(Object.keys(answer), ['status', member]);
        assert.match(answer[member], /^[A-Za-z0-9()*]{22}\)\)$/);
        assert.equal((await claim(dss, key, app)).status, 404);
        await assertCleanHistory(page, [key, answer[member]]);
        assert.ok(!(await page.content()).includes(answer[member]), 'the page still holds the secret');
      }));

      test(grant + ' grant: deny', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(dss, grant, key));
        await consent(page, 'deny');
        await section(page, 'refused');
        const answer = await claim(dss, key, app);
        assert.equal(answer.status, 403);
        assert.equal(answer.error_name, 'access_denied');
        await assertCleanHistory(page, [key]);
      }));

      test(grant + ' grant: cancel', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(dss, grant, key));
        await consent(page, 'approve');
        await press(page, 'confirm', 'cancel', grant === 'implicit' ? 'ended' : 'unused');
        assert.equal((await claim(dss, key, app)).error_name, 'access_denied');
        await assertCleanHistory(page, [key]);
      }));

      test(grant + ' grant: --confirm sessions hands over at once', inPage(async (page) => {
        const key = secret();
        await page.goto(signInURL(sessions, grant, key));
        await consent(page, 'approve');
        await section(page, 'waiting');
        const answer = await claim(sessions, key, app);
        assert.ok(answer[member]);
        await assertCleanHistory(page, [key, answer[member]]);
      }));
    }

    test('state first, a script interstitial, the query stripped', inPage(async (page) => {
      const key = secret() + ' é&=+';
      const extra = { sandbox_order: 'state_first', sandbox_delivery: 'script', sandbox_strip_query: '1', redirect_uri: dss.url + '/auth/redirect/17?lost=1' };
      await page.goto(signInURL(dss, 'implicit', key, extra));
      await consent(page, 'approve');
      await press(page, 'confirm', 'finish', 'waiting');
      assert.ok((await claim(dss, key, app)).access_token);
    }));

    test('no expires, as with no_expiry', inPage(async (page) => {
      const key = secret();
      await page.goto(signInURL(dss, 'implicit', key, { scope: 'no_expiry,write_access', sandbox_decision: 'approve' }));
      await press(page, 'confirm', 'finish', 'waiting');
      assert.ok((await claim(dss, key, app)).access_token);
    }));

    test('an access token in the query, as in 2017', inPage(async (page) => {
      const key = secret();
      await page.goto(dss.url + '/auth/redirect?access_token=T))&state=' + key);
      await section(page, 'confirm');
      await assertCleanHistory(page, [key]);
      await press(page, 'confirm', 'finish', 'waiting');
      assert.equal((await claim(dss, key)).access_token, 'T))');
    }));

    test('the keyboard is enough', inPage(async (page) => {
      const key = secret();
      await page.goto(signInURL(dss, 'implicit', key, { sandbox_decision: 'approve' }));
      await page.waitForSelector('[data-section=confirm]:not([hidden]) button:not([disabled])');
      for (let attempt = 0; attempt < 5 && !(await page.$('[data-section=waiting]:not([hidden])')); attempt++) {
        await page.focus('[data-section=confirm] h1');
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.value), 'finish');
        await page.keyboard.press('Enter');
        await page.waitForSelector('[data-section=waiting]:not([hidden])', { timeout: 3000 }).catch(() => {});
      }
      assert.match(await page.evaluate(() => document.activeElement.textContent), /Almost done/, 'the outcome has the focus');
      assert.ok((await claim(dss, key, app)).access_token);
    }));

    test('reload and back hand over nothing again', inPage(async (page) => {
      const key = secret();
      await page.goto(dss.url + '/');
      await page.goto(signInURL(dss, 'implicit', key, { sandbox_decision: 'approve' }));
      await press(page, 'confirm', 'finish', 'waiting');
      assert.ok((await claim(dss, key, app)).access_token);
      await page.reload();
      await section(page, 'finished');
      await page.goBack();
      await page.goForward();
      await section(page, 'finished');
      assert.equal((await claim(dss, key, app)).status, 404);
      await assertCleanHistory(page, [key]);
    }));

    test('reload before the click loses the response and hands over nothing', inPage(async (page) => {
      const key = secret();
      await page.goto(signInURL(dss, 'code', key, { sandbox_decision: 'approve' }));
      await section(page, 'confirm');
      await page.reload();
      await section(page, 'nothing');
      await page.waitForSelector('[data-reloaded]:not([hidden])');
      assert.equal((await claim(dss, key, app)).status, 404);
    }));

    test('two tabs of one browser: the later one counts', inPage(async (page, context) => {
      const key = secret();
      const other = await context.newPage();
      for (const [tab, token] of [[page, 'FIRST'], [other, 'SECOND']]) {
        await tab.bringToFront();
        await tab.goto(dss.url + '/auth/redirect#access_token=' + token + '&state=' + key);
        await press(tab, 'confirm', 'finish', 'waiting|contended');
      }
      assert.equal((await claim(dss, key)).access_token, 'SECOND');
    }));

    test('two browsers: a conflict, and neither counts', inPage(async (page) => {
      const key = secret();
      const elsewhere = await browser.createBrowserContext();
      const other = await elsewhere.newPage();
      for (const [tab, token] of [[page, 'FIRST'], [other, 'SECOND']]) {
        await tab.bringToFront();
        await tab.goto(dss.url + '/auth/redirect#access_token=' + token + '&state=' + key);
        await press(tab, 'confirm', 'finish', 'waiting|contended');
      }
      await closeContext(elsewhere);
      assert.equal((await claim(dss, key)).error_name, 'key_conflict');
    }));

    const key = secret();
    const hostile = {
      'markup in the token': ['access_token=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E&state=' + key, 'problem'],
      'raw markup in the token': ['access_token="><img src=x onerror=alert(1)>&state=' + key, 'problem'],
      'a parameter twice': ['access_token=A&access_token=B&state=' + key, 'problem'],
      'state twice': ['access_token=A&state=' + key + '&state=' + key, 'problem'],
      'double encoding': ['access_token=A&state=' + encodeURIComponent('%zz%') + '%', 'problem'],
      'no state': ['access_token=A', 'problem'],
      'an empty token': ['access_token=&state=' + key, 'problem'],
      'token and code': ['access_token=A&code=B&state=' + key, 'problem'],
      'names that are special in JavaScript': ['__proto__=1&constructor=2', 'nothing'],
      'nothing': ['', 'nothing'],
      'an anchor': ['top', 'nothing'],
    };
    for (const [what, [fragment, shown]] of Object.entries(hostile)) {
      test('hostile fragment: ' + what, inPage(async (page) => {
        await page.goto(dss.url + '/auth/redirect#' + fragment);
        await section(page, shown);
        if (shown === 'problem') {
          const links = await page.evaluate(() => [...document.querySelectorAll('[data-value] a')].map((a) => a.pathname + a.hash));
          assert.deepEqual(links, ['/docs/errors#' + (what === 'no state' ? 'no_key' : 'invalid_request')]);
        }
        assert.equal(await page.evaluate(() => document.images.length), 1, 'only the mark of the page is an image');
        assert.equal(await page.evaluate(() => location.hash), '');
        assert.equal((await claim(dss, key)).status, 404);
      }));
    }

    // WebDriver, and so WebKit's, runs nothing before the scripts of a page.
    const once = name === 'webkit' ? 'sent at once' : 'not sent at first';
    test('a refusal says whose it is, ' + once, inPage(async (page) => {
      if (name !== 'webkit') {
        await page.evaluateOnNewDocument(() => {
          const sent = [], { fetch } = window;
          window.fetch = (...request) => sent.push(request) === 1 ? Promise.reject(new TypeError('away')) : fetch(...request);
        });
      }
      const service = 'Stack Overflow';
      for (const [error, result, headline] of [
        ['access_denied', 'refused', said('result.refused.title')],
        ['temporarily_unavailable', 'trouble', said('result.trouble.title', { service })],
        ['invalid_scope', 'turned_away', said('result.turned_away.title.unknown', { service })],
      ]) {
        await page.goto(dss.url + '/auth/redirect#error=' + error + '&state=' + secret());
        if (name !== 'webkit') {
          await section(page, 'refusal');
          assert.equal(await text(page, '[data-section=refusal] h1'), headline);
          assert.equal(await page.evaluate(() => document.title), headline);
          await press(page, 'refusal', 'finish', result);
        }
        await section(page, result);
        assert.equal(await text(page, 'h1'), headline);
      }
    }));

    test('a key that looks special is just a key', inPage(async (page) => {
      const special = '__proto__ constructor';
      await page.goto(dss.url + '/auth/redirect#state=' + encodeURIComponent(special) + '&access_token=T');
      await press(page, 'confirm', 'finish', 'waiting');
      assert.equal((await claim(dss, special)).access_token, 'T');
    }));

    test('in a frame of another site nothing happens', inPage(async (page) => {
      const key = secret();
      const target = sessions.url + '/auth/redirect#access_token=T&state=' + key;
      const evil = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end('<!doctype html><title>evil</title><iframe src="' + target + '"></iframe>');
      });
      await new Promise((resolve) => { evil.listen(0, '127.0.0.1', resolve); });
      try {
        await page.goto('http://127.0.0.1:' + evil.address().port + '/', { waitUntil: 'load' });
        assert.equal((await claim(sessions, key, { wait: '2' })).status, 404);
      } finally {
        evil.close();
      }
    }));

    test('another site cannot post a deposit', inPage(async (page) => {
      const key = secret();
      const evil = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end('<!doctype html><title>evil</title><form method="post" action="' + dss.url + '/auth/redirect">' +
          '<input name="state" value="' + key + '"><input name="access_token" value="T"><button>win</button></form>');
      });
      await new Promise((resolve) => { evil.listen(0, '127.0.0.1', resolve); });
      try {
        await page.goto('http://127.0.0.1:' + evil.address().port + '/');
        await Promise.all([page.waitForNavigation(), page.click('button')]);
        assert.match(await page.content(), /cross_origin/);
        assert.equal((await claim(dss, key)).status, 404);
      } finally {
        evil.close();
      }
    }));

    test('nothing secret is in the log', () => {
      assert.match(dss.log(), /POST \/auth\/redirect/);
      assert.doesNotMatch(dss.log() + sessions.log(), /access_token=|state=|code=|FIRST|\)\)/);
    });
  });
}

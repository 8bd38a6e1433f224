// A person signs in in a real browser through the OAuth server: for an app
// that listens on this device, and for an app on another one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text as consumeText } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { consent, engines, history, inFreshPage, launch, launchWithoutScript, pressHeld, submit, text } from './browsers.js';
import { post, s256, secret, startCode, startDSS, startListener } from './dss.js';
import { said, unknownDevice } from './texts.js';

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

// A sign-in of an app on another device. It may be polled once: the next poll
// would come too early.
async function startDevice(dss, scope = 'read_inbox') {
  const answer = await post(dss, '/oauth/device_authorization', { client_id: '7', scope });
  assert.equal(answer.status, 200);
  return {
    ...answer,
    poll: () => post(dss, '/oauth/token', { grant_type: deviceGrant, client_id: '7', device_code: answer.device_code }),
  };
}

function assertToken(answer) {
  const { access_token: token, expires_in: expires, ...others } = answer;
  assert.deepEqual(others, { status: 200, token_type: 'Bearer' }, 'no scope: what was asked for');
  assert.match(token, /^[A-Za-z0-9()*]{22}\)\)$/);
  assert.ok(expires > 0);
}

const heading = (page) => text(page, 'h1');
const titleOf = (page) => page.evaluate(() => document.title);

async function assertPage(page, path, title) {
  assert.equal(await heading(page), title);
  assert.equal((await titleOf(page)).replace('Error: ', ''), title);
  assert.equal(new URL(await page.url()).pathname, path);
}

// The pages of the server hold no response, nor any of the secrets, in an
// address. Those of Stack Exchange and of the app are not its own.
async function assertNothingLeft(page, dss, ...secrets) {
  for (const address of await history(page)) {
    if (!address.startsWith(dss.url + '/') || address.startsWith(dss.url + '/sandbox/')) continue;
    assert.doesNotMatch(address, /[?&#](access_token|code|state|error)=/, 'the response is still in an address');
    for (const one of secrets) assert.ok(!address.includes(one), 'a secret is still in an address');
  }
}

const typed = (userCode) => userCode.toLowerCase().replace('-', '');

async function enter(page, dss, userCode) {
  await page.goto(dss.url + '/device');
  await page.type('#user_code', userCode);
  await submit(page, 'button.primary');
}

async function assertAsks(page, alert) {
  await assertPage(page, '/device', said('device.unknown.title'));
  assert.match(await titleOf(page), /^Error: /);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'user_code', 'what is wrong can be mended at once');
  assert.equal((await text(page, '[role=alert]')).trim(), alert);
}

const assertUnknown = (page) => assertAsks(page, said('device.unknown.what', { n: 15 }));

// No button has the focus, so the Enter key alone decides nothing.
async function assertWaits(page, userCode) {
  assert.equal(new URL(await page.url()).pathname, '/device');
  assert.match(await heading(page), /^Let an unknown app into your \S.* account\?$/);
  assert.equal(await text(page, '[data-code]'), userCode);
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'BUTTON');
}

async function approveDevice(page, dss, device) {
  await enter(page, dss, typed(device.user_code));
  await assertWaits(page, device.user_code);
  await consent(page, 'continue');
  await consent(page, 'approve');
  await assertPage(page, '/device/finished', said('result.waiting.title.unknown'));
  await assertNothingLeft(page, dss, device.device_code);
  assertToken(await device.poll());
}

// Approves on the consent page, and has the app redeem its code.
async function approveLoopback(page, dss, app, signIn, path) {
  await page.goto(signIn.url);
  await consent(page, 'approve');
  assert.equal(await heading(page), 'Back in the app');
  const [{ code, ...others }, ...more] = app.responses;
  assert.deepEqual(others, { method: 'GET', pathname: path, state: signIn.state, iss: dss.url });
  assert.deepEqual(more, []);
  await assertNothingLeft(page, dss, signIn.state);
  assertToken(await signIn.redeem(code));
  assert.equal((await signIn.redeem(code)).error, 'invalid_grant', 'a code is good once');
}

for (const name of engines) {
  describe(name + ': OAuth', () => {
    let dss, browser;
    const secrets = []; // what no log may hold
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    const inPage = (f) => () => inFreshPage(browser, f);
    const withApp = (f) => inPage(async (page, context) => {
      const app = await startListener();
      try {
        await f(page, app, context);
      } finally {
        app.stop();
      }
    });
    const device = async (...args) => {
      const started = await startDevice(dss, ...args);
      secrets.push(started.device_code, started.user_code);
      return started;
    };
    const loopback = (app, path = '/callback', extra = {}) => {
      const signIn = startCode(dss, 'http://127.0.0.1:' + app.port + path, extra);
      secrets.push(signIn.state);
      return signIn;
    };

    for (const [uri, path] of [['http://127.0.0.1:PORT/callback', '/callback'], ['http://localhost:PORT', '/']]) {
      test('code grant, ' + uri + ': approve, redeem once', withApp(async (page, app) => {
        await approveLoopback(page, dss, app, startCode(dss, uri.replace('PORT', app.port)), path);
      }));
    }

    test('code grant: a script goes back, as Stack Exchange may do it', withApp(async (page, app) => {
      const signIn = loopback(app);
      await page.goto(signIn.url);
      await page.goto(await page.url() + '&sandbox_delivery=script');
      await submit(page, 'button[value=approve]');
      await page.waitForFunction(() => document.title === 'app');
      assertToken(await signIn.redeem(app.responses[0].code));
    }));

    test('code grant: deny', withApp(async (page, app) => {
      const signIn = loopback(app, '/callback?app=1');
      await page.goto(signIn.url);
      await consent(page, 'deny');
      const [{ error_description: description, ...others }, ...more] = app.responses;
      assert.deepEqual(others, {
        method: 'GET', pathname: '/callback', app: '1', error: 'access_denied', state: signIn.state, iss: dss.url,
      });
      assert.match(description, /denied/);
      assert.deepEqual(more, []);
      await assertNothingLeft(page, dss, signIn.state);
    }));

    test('code grant: an app that asks in a wrong way is told', withApp(async (page, app) => {
      const signIn = loopback(app, '/callback', { code_challenge_method: 'plain' });
      await page.goto(signIn.url + '#leak');
      const [{ error_description: description, ...others }] = app.responses;
      assert.deepEqual(others, {
        method: 'GET', pathname: '/callback', error: 'invalid_request', state: signIn.state, iss: dss.url,
      });
      assert.match(description, /S256/);
      assert.equal(await page.evaluate(() => location.hash), '');
    }));

    test('code grant: a bad redirect URI gets a page and no redirect', withApp(async (page, app) => {
      const target = 'http://127.0.0.1:' + app.port + '@evil.example/callback';
      await page.goto(startCode(dss, target).url);
      await assertPage(page, '/problem/bad_redirect_uri', said('problem.title'));
      assert.deepEqual(app.responses, []);
    }));

    test('code grant: no fragment is handed on', withApp(async (page, app) => {
      const hash = () => page.evaluate(() => location.hash);
      await page.goto(loopback(app).url + '#leak');
      assert.equal(await heading(page), 'Application 7 would like access to your account');
      assert.equal(await hash(), '', 'at Stack Exchange');
      // Without a consent page, all the way is redirects.
      await page.goto((await page.url()).replace(/#.*/, '') + '&sandbox_decision=approve#leak');
      assert.equal(await heading(page), 'Back in the app');
      assert.equal(await hash(), '', 'in the app');
      assert.ok(!(await page.url()).includes('leak'));
      assert.equal(app.responses.length, 1);
    }));

    test('code grant: another browser cannot finish it, the first one can', withApp(async (page, app) => {
      const signIn = loopback(app);
      await page.goto(signIn.url);
      await inFreshPage(browser, async (other) => {
        await other.goto(loopback(app).url); // a sign-in of its own does not help
        await other.goto(await page.url());
        await consent(other, 'approve');
        await assertPage(other, '/problem/wrong_browser', said('problem.browser.title.unknown'));
        await assertNothingLeft(other, dss);
        assert.ok((await text(other, 'main')).includes(said('problem.browser.what')));
        assert.deepEqual(app.responses, [], 'the app got nothing');
      });
      await consent(page, 'approve');
      assert.equal(app.responses[0].state, signIn.state);
      assertToken(await signIn.redeem(app.responses[0].code));
    }));

    test('code grant: approved again, it leads to the app again', withApp(async (page, app) => {
      const signIn = loopback(app);
      await page.goto(signIn.url);
      const asked = await page.url();
      const approve = async () => {
        await page.goto(asked);
        await consent(page, 'approve');
        assert.equal(await heading(page), 'Back in the app');
      };
      await approve();
      await approve();
      const [{ code }] = app.responses;
      assertToken(await signIn.redeem(code));
      await approve();
      assert.deepEqual(new Set(app.responses.map((response) => response.code)), new Set([code]), 'each time the same code');
      assert.equal((await signIn.redeem(code)).error, 'invalid_grant');
    }));

    test('code grant: an answer to no sign-in', inPage(async (page) => {
      await page.goto(dss.url + '/oauth/callback?code=C&state=' + secret());
      await assertPage(page, '/problem/unknown_sign_in', said('problem.over.title'));
      await assertNothingLeft(page, dss);
    }));

    test('code grant: two at a time in one browser', withApp(async (page, app, context) => {
      const [first, second] = [loopback(app), loopback(app)];
      const other = await context.newPage();
      await page.goto(first.url);
      await other.goto(second.url);
      await page.bringToFront();
      await consent(page, 'approve');
      await other.bringToFront();
      await consent(other, 'approve');
      assert.deepEqual(app.responses.map(({ state }) => state), [first.state, second.state]);
      assertToken(await first.redeem(app.responses[0].code));
      assertToken(await second.redeem(app.responses[1].code));
    }));

    test('device grant: type the code, approve, poll', inPage(async (page) => {
      const started = await device();
      await approveDevice(page, dss, started);
      await page.reload();
      await assertPage(page, '/device/finished', said('result.finished.title.unknown'));
      await enter(page, dss, started.user_code);
      await assertUnknown(page);
    }));

    test('device grant: a prefilled code waits for the click', inPage(async (page) => {
      const started = await device('read_inbox private_info');
      await page.goto(started.verification_uri_complete);
      await assertWaits(page, started.user_code);
      const facts = await text(page, '.permissions');
      for (const scope of ['identity', 'read_inbox', 'private_info']) assert.ok(facts.includes(said('device.scope.' + scope)), scope);
      assert.ok(!facts.includes(said('device.scope.write_access')));
      await page.keyboard.press('Enter');
      await page.reload();
      await assertWaits(page, started.user_code);
      assert.equal((await started.poll()).error, 'authorization_pending');
    }));

    test('device grant: the decision is in sight, and no comes first where it matters', inPage(async (page) => {
      for (const [scope, first] of [['read_inbox', 'continue'], ['read_inbox private_info write_access no_expiry', 'decline']]) {
        for (const size of [{ width: 390, height: 844 }, { width: 1280, height: 720 }]) {
          await page.setViewport(size);
          await page.goto((await device(scope)).verification_uri_complete);
          const [buttons, warning, code] = await page.evaluate(() => {
            const bottom = (element) => element.getBoundingClientRect().bottom;
            const inForm = [...document.querySelectorAll('main form button')];
            return [inForm.map((b) => [b.value, bottom(b)]), bottom(document.querySelector('.warning')), bottom(document.querySelector('[data-code]'))];
          });
          assert.equal(buttons[0][0], first);
          assert.equal(buttons.length, 2);
          for (const [value, bottom] of buttons) assert.ok(bottom <= size.height, value + ' ends at ' + bottom);
          assert.ok(Math.max(warning, code) < buttons[0][1] - 40, 'the warning or the code is covered');
        }
      }
    }));

    test('device grant: decline', inPage(async (page) => {
      const started = await device();
      await page.goto(started.verification_uri_complete);
      await consent(page, 'decline');
      await assertPage(page, '/device/declined', said('result.stopped.title'));
      await assertNothingLeft(page, dss, started.device_code);
      assert.equal((await started.poll()).error, 'access_denied');
      await page.goto(started.verification_uri_complete);
      await assertUnknown(page);
    }));

    test('device grant: deny at Stack Exchange', inPage(async (page) => {
      const started = await device();
      await page.goto(started.verification_uri_complete);
      await consent(page, 'continue');
      await consent(page, 'deny');
      await assertPage(page, '/device/refused', said('result.refused.title'));
      await assertNothingLeft(page, dss, started.device_code);
      assert.equal((await started.poll()).error, 'access_denied');
    }));

    test('device grant: a wrong code', inPage(async (page) => {
      const strange = (letters) => said('device.unknown.strange', { letters });
      for (const [code, alert] of [
        ['BCDF-GHJK', said('device.unknown.what', { n: 15 })], ['hello', strange('E, O')], ['"><img src=x onerror=alert(1)>', strange('I, O, E, A, 1')],
      ]) {
        await enter(page, dss, code);
        await assertAsks(page, alert);
        assert.equal(await page.$eval('#user_code', (field) => field.value), code, 'what was typed can be mended');
      }
      assert.equal(await page.evaluate(() => document.images.length), 1, 'only the mark of the page is an image');
      await page.keyboard.type('gltg');
      assert.equal(await page.$eval('#user_code', (field) => field.value), 'gltg', 'what is typed takes its place');
    }));

    test('device grant: a page left open can decide nothing later', inPage(async (page, context) => {
      const started = await device();
      const other = await context.newPage();
      await other.goto(started.verification_uri_complete);
      await page.bringToFront();
      await approveDevice(page, dss, started);
      await other.bringToFront();
      await consent(other, 'continue');
      await assertPage(other, '/device/over', said('result.over.title'));
      await Promise.all([other.waitForNavigation({ waitUntil: 'load' }), other.click('main a')]);
      await assertPage(other, '/device', said('device.ask.title'));
    }));

    test('device grant: another browser cannot finish it, the first one can', inPage(async (page) => {
      const started = await device();
      await page.goto(started.verification_uri_complete);
      await consent(page, 'continue');
      await inFreshPage(browser, async (other) => {
        await other.goto(await page.url());
        await consent(other, 'approve');
        await assertPage(other, '/problem/wrong_browser', said('problem.browser.title.unknown'));
        await assertNothingLeft(other, dss);
      });
      await consent(page, 'approve');
      await assertPage(page, '/device/finished', said('result.waiting.title.unknown'));
      assertToken(await started.poll());
    }));

    test('device grant: a browser that continues later takes over', inPage(async (page) => {
      const started = await device();
      await page.goto(started.verification_uri_complete);
      await consent(page, 'continue');
      await inFreshPage(browser, async (other) => {
        await other.goto(started.verification_uri_complete);
        await consent(other, 'continue');
        await page.bringToFront();
        await consent(page, 'approve');
        assert.equal(await heading(page), said('problem.browser.title.unknown'));
        await other.bringToFront();
        await consent(other, 'approve');
        await assertPage(other, '/device/finished', said('result.waiting.title.unknown'));
      });
      assertToken(await started.poll());
    }));

    test('device grant: another site can neither continue nor decline', inPage(async (page) => {
      const started = await device();
      const evil = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end('<!doctype html><title>evil</title><form method="post" action="' + dss.url + '/device">' +
          '<input name="user_code" value="' + started.user_code + '">' +
          '<button name="decision" value="continue">win</button><button name="decision" value="decline">annoy</button></form>');
      });
      evil.listen(0, '127.0.0.1');
      await once(evil, 'listening');
      try {
        for (const decision of ['continue', 'decline']) {
          await page.goto('http://127.0.0.1:' + evil.address().port + '/');
          await consent(page, decision);
          assert.ok((await text(page, 'main')).includes(said('problem.origin.what')));
        }
      } finally {
        evil.close();
      }
      await page.goto(started.verification_uri_complete);
      await assertWaits(page, started.user_code);
    }));

    test('nothing secret is in the log', () => {
      assert.match(dss.log(), /GET \/oauth\/authorize/);
      assert.match(dss.log(), /POST \/device/);
      assert.doesNotMatch(dss.log(), /(state|code|token)=|\)\)/);
      for (const one of secrets) assert.ok(!dss.log().includes(one));
    });
  });

  // Another server plays Stack Exchange, so that the forms lead to another
  // origin and back: here to another port, there to another site.
  for (const [where, host] of [['another origin', 'localhost'], ['another site', 'dss.localhost']]) {
    describe(name + ': OAuth, Stack Exchange on ' + where, () => {
      let dss, silent, stackExchange, reauthorizing, browser;
      const serve = async (url) => startDSS('--stackexchange-url', url + '/sandbox', '--stackexchange-api-url', url + '/sandbox/2.3',
        ...host === 'localhost' ? [] : await publicURL(host));
      before(async () => {
        [stackExchange, browser] = await Promise.all([startDSS(), launch(name)]);
        reauthorizing = await startReauthorizing(stackExchange);
        [dss, silent] = await Promise.all([serve(stackExchange.url), serve(reauthorizing.url)]);
      });
      after(async () => {
        await browser.close();
        reauthorizing.stop();
        await Promise.all([dss.stop(), silent.stop(), stackExchange.stop()]);
      });

      const inPage = (f) => () => inFreshPage(browser, f);

      test('device grant', inPage(async (page) => {
        await approveDevice(page, dss, await startDevice(dss));
      }));

      test('device grant: deny', inPage(async (page) => {
        const started = await startDevice(dss);
        await page.goto(started.verification_uri_complete);
        await consent(page, 'continue');
        assert.equal(new URL(await page.url()).origin, stackExchange.url);
        await consent(page, 'deny');
        await assertPage(page, '/device/refused', said('result.refused.title'));
        assert.equal((await started.poll()).error, 'access_denied');
      }));

      test('device grant, without a consent page', inPage(async (page) => {
        const started = await startDevice(silent);
        await page.goto(started.verification_uri_complete);
        await assertWaits(page, started.user_code);
        await consent(page, 'continue');
        await assertPage(page, '/device/finished', said('result.waiting.title.unknown'));
        assertToken(await started.poll());
      }));

      test('code grant', inPage(async (page) => {
        const app = await startListener();
        try {
          await approveLoopback(page, dss, app, startCode(dss, 'http://127.0.0.1:' + app.port + '/'), '/');
        } finally {
          app.stop();
        }
      }));
    });
  }

  describe(name + ' without JavaScript: OAuth', () => {
    let dss, browser, page;
    before(async () => { [dss, { browser, page }] = await Promise.all([startDSS(), launchWithoutScript(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    // Goes to the element that is the nth to get the focus. The keyboard works
    // where a test could not look into the page, for want of scripts.
    const tab = async (nth) => { for (let i = 0; i < nth; i++) await page.keyboard.press('Tab'); };
    const go = async () => { await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]); };
    // Firefox lets a test read no page without scripts.
    const assertHeading = async (title) => { if (name !== 'firefox') assert.equal(await heading(page), title); };
    const ask = async (started) => {
      await page.goto(started.verification_uri);
      await tab(2); // after the link at the top
      await page.keyboard.type(typed(started.user_code));
      await go();
      await assertHeading(unknownDevice);
    };

    test('device grant, with the keyboard', async () => {
      const started = await startDevice(dss);
      await ask(started);
      await pressHeld(name, page, 'button[value=continue]');
      await tab(1);
      await go(); // Approve
      await assertHeading(said('result.waiting.title.unknown'));
      assert.equal(new URL(await page.url()).pathname, '/device/finished');
      assertToken(await started.poll());
    });

    test('device grant: decline', async () => {
      const started = await startDevice(dss);
      await ask(started);
      await pressHeld(name, page, 'button[value=decline]');
      await assertHeading(said('result.stopped.title'));
      assert.equal((await started.poll()).error, 'access_denied');
    });

    test('code grant', async () => {
      const app = await startListener();
      try {
        const signIn = startCode(dss, 'http://127.0.0.1:' + app.port + '/callback');
        await page.goto(signIn.url);
        await tab(1);
        await go();
        assertToken(await signIn.redeem(app.responses[0].code));
      } finally {
        app.stop();
      }
    });
  });
}

// The flags for a server under another name of this machine. The port has to
// be known before it starts.
async function publicURL(host) {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return ['--listen', '127.0.0.1:' + port, '--public-url', 'http://' + host + ':' + port];
}

// A Stack Exchange that lets the user pass without asking, in front of a
// sandbox, which would ask.
async function startReauthorizing(sandbox) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, sandbox.url);
    const onward = { method: request.method, redirect: 'manual' };
    if (request.method === 'POST') onward.body = new URLSearchParams(await consumeText(request));
    if (url.pathname === '/sandbox/oauth') url.searchParams.set('sandbox_decision', 'approve');
    const answer = await fetch(url, onward);
    const headers = ['Content-Type', 'Location'].filter((name) => answer.headers.has(name)).map((name) => [name, answer.headers.get(name)]);
    response.writeHead(answer.status, headers.flat()).end(await answer.text());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: 'http://localhost:' + server.address().port,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

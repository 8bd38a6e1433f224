// A person signs in from the command line: dss login shows an address, and a
// real browser opens it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { assertCleanHistory, consent, engines, history, inFreshPage, launch, press, section, text } from './browsers.js';
import { binary, startDSS } from './dss.js';
import { said, unknownDevice } from './texts.js';

const denied = 3; // the exit status
const tokenPattern = /^[A-Za-z0-9()*]{22}\)\)$/;

// What the process shows on standard error, and what the browser is to do.
const flows = {
  loopback: {
    path: '/oauth/authorize', grant: 'code',
    async finish(page) { await assertResultPage(page, 'done'); },
    async refuse(page) {
      await consent(page, 'deny');
      await assertResultPage(page, 'denied');
    },
  },
  relay: { path: '/sandbox/oauth', grant: 'code', code: /^[0-9A-Z]{3}-[0-9A-Z]{3}$/, finish: finishRelay, refuse: refuseRelay },
  implicit: { path: '/sandbox/oauth/dialog', grant: 'implicit', code: /^[0-9A-Z]{3}-[0-9A-Z]{3}$/, finish: finishRelay, refuse: refuseRelay },
  device: {
    path: '/device', grant: 'code', code: /^[A-Z]{4}-[A-Z]{4}$/,
    async begin(page, code) {
      assert.equal(await text(page, 'h1'), unknownDevice);
      assert.equal(await text(page, '[data-code]'), code);
      await consent(page, 'continue');
    },
    async finish(page) { await section(page, 'finished'); },
    async refuse(page) {
      await consent(page, 'deny');
      await section(page, 'refused');
    },
  },
};

async function assertResultPage(page, name) {
  assert.equal(await text(page, 'h1'), said('loopback.' + name + '.title'));
  const { pathname, search, hash } = new URL(await page.url());
  assert.equal(pathname + search + hash, '/' + name);
}

async function finishRelay(page, code) {
  await section(page, 'confirm');
  assert.equal(await text(page, '[data-match]'), code);
  await press(page, 'confirm', 'finish', 'waiting|finished');
}

async function refuseRelay(page) {
  await consent(page, 'deny');
  await section(page, 'refused');
}

const loginFlags = (dss, flow, output = 'json') => [
  'login', '--server', dss.url, '--client-id', '7', '--scope', 'read_inbox', '--flow', flow, '--no-browser', '--output', output,
  '--stackexchange-url', dss.url + '/sandbox', '--timeout', '1m',
];

// Runs a command that signs in, until f is done. It has a group of its own, so
// that nothing outlives f.
async function signingIn(command, f) {
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH }, detached: true });
  let stdout = '', stderr = '', wake;
  child.stdout.on('data', (data) => { stdout += data; });
  const instructed = new Promise((resolve) => { wake = resolve; });
  child.stderr.on('data', (data) => {
    stderr += data;
    if (stderr.includes('Waiting for you to sign in')) wake();
  });
  const closed = once(child, 'close').then(([status]) => status);
  const end = () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ } };
  const overdue = setTimeout(end, 90000);
  try {
    await Promise.race([instructed, closed.then((status) => assert.fail('ended early with ' + status + '\n' + stderr))]);
    await f({
      url: /^http:\/\/\S+$/m.exec(stderr)[0],
      code: /^ {4}(\S+)$/m.exec(stderr)?.[1],
      running: () => child.exitCode === null && child.signalCode === null,
      async ended() { return { status: await closed, stdout, stderr }; },
    });
  } finally {
    end();
    await closed;
    clearTimeout(overdue);
  }
}

async function assertDenied(login) {
  const { status, stdout, stderr } = await login.ended();
  assert.equal(status, denied, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^dss: access was denied$/m);
}

// The token works, for the one scope.
async function assertWorks(dss, token) {
  assert.match(token, tokenPattern);
  const answer = await fetch(dss.url + '/sandbox/2.3/me?site=stackoverflow', { headers: { Authorization: 'Bearer ' + token } });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).items.length, 1);
}

async function assertNowhere(page, token) {
  await assertCleanHistory(page, [token]);
  for (const address of await history(page)) {
    assert.doesNotMatch(address, /access_token/);
    assert.ok(!decodeURIComponent(address).includes(token), 'the token is in an address');
  }
  assert.ok(!(await page.content()).includes(token), 'the token is in the page');
}

for (const name of engines) {
  describe(name + ': dss login', () => {
    let dss, browser;
    const tokens = [];
    before(async () => { [dss, browser] = await Promise.all([startDSS(), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });

    const signIn = (command, f) => inFreshPage(browser, (page) => signingIn(command, (login) => f(page, login)));
    const login = (flow, f) => () => signIn([binary, ...loginFlags(dss, flow)], async (page, login) => {
      await open(page, login, flow);
      await f(page, login);
    });

    // Opens the address, and goes on to the consent page.
    async function open(page, login, flow) {
      const { path, code, begin, grant } = flows[flow];
      const { origin, pathname } = new URL(login.url);
      assert.equal(origin + pathname, dss.url + path);
      if (code) assert.match(login.code, code);
      else assert.equal(login.code, undefined);
      await page.goto(login.url);
      if (begin) await begin(page, login.code);
      assert.equal(new URL(await page.url()).pathname, flows[grant === 'implicit' ? 'implicit' : 'relay'].path);
      assert.ok(login.running(), 'it waits for the user');
    }

    const approve = async (page, login, flow) => {
      await consent(page, 'approve');
      await flows[flow].finish(page, login.code);
    };

    for (const flow of name === 'firefox' ? ['loopback', 'implicit'] : Object.keys(flows)) {
      test(flow + ': approve', login(flow, async (page, login) => {
        await approve(page, login, flow);
        const { status, stdout, stderr } = await login.ended();
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^\{.*\}\n$/, 'one line');
        const { access_token: token, expires_in: expires, ...others } = JSON.parse(stdout);
        assert.deepEqual(others, { token_type: 'Bearer', scope: 'read_inbox' });
        if (flow === 'implicit') assert.equal(expires, undefined, 'the server says only the token');
        else assert.ok(expires > 86000 && expires <= 86400, 'it ends in ' + expires);
        assert.ok(!stderr.includes(token), 'the token is for standard output alone');
        tokens.push(token);
        await assertWorks(dss, token);
        await assertNowhere(page, token);
        if (flow === 'loopback') await assert.rejects(fetch(new URL(login.url).searchParams.get('redirect_uri')), 'it listens no more');
      }));

      test(flow + ': deny', login(flow, async (page, login) => {
        await flows[flow].refuse(page);
        await assertDenied(login);
      }));
    }

    if (name !== 'firefox') {
      for (const flow of ['relay', 'implicit']) {
        test(flow + ': cancel', login(flow, async (page, login) => {
          await consent(page, 'approve');
          await press(page, 'confirm', 'cancel', 'ended|unused');
          await assertDenied(login);
        }));
      }

      test('device: decline', () => signIn([binary, ...loginFlags(dss, 'device')], async (page, login) => {
        await page.goto(login.url);
        await consent(page, 'decline');
        await section(page, 'declined');
        await assertDenied(login);
      }));

      for (const flow of ['loopback', 'relay']) {
        test(flow + ': a shell takes the token', () => signIn(
          ['sh', '-c', 'TOKEN=$("$@"); printf %s "$TOKEN"', 'sh', binary, ...loginFlags(dss, flow, 'token')],
          async (page, login) => {
            await open(page, login, flow);
            await approve(page, login, flow);
            const { status, stdout, stderr } = await login.ended();
            assert.equal(status, 0, stderr);
            tokens.push(stdout);
            await assertWorks(dss, stdout);
          },
        ));
      }

      test('dss login | dss whoami', () => signIn(
        ['sh', '-c', 'dss=$1 api=$2; shift 2; "$dss" "$@" | "$dss" whoami - --output json --stackexchange-api-url "$api"',
          'sh', binary, dss.url + '/sandbox/2.3', ...loginFlags(dss, 'loopback', 'token')],
        async (page, login) => {
          await open(page, login, 'loopback');
          await approve(page, login, 'loopback');
          const { status, stdout, stderr } = await login.ended();
          assert.equal(status, 0, stderr);
          assert.equal(JSON.parse(stdout).scope, 'read_inbox');
        },
      ));
    }

    test('no token is in the log', () => {
      assert.match(dss.log(), /POST \/auth\/redirect/);
      assert.doesNotMatch(dss.log(), /(access_token|state|code)=|\)\)/);
      for (const token of tokens) assert.ok(!dss.log().includes(token));
    });
  });
}

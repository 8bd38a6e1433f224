// Redirect URIs that the operator's list names: of editors, browser extensions and
// mobile apps. A page asks before a code goes there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './axe.js';
import { browsers, consent, inFreshPage, launch, patience, ready, submit, text } from './browsers.js';
import { post, startCode, startListener, startListing } from './dss.js';
import { said } from './texts.js';

const editor = 'vscode://acme.inbox/callback';
const hosts = ['https://abcdefghijklmnopabcdefghijklmnop.chromiumapp.org/', 'https://app.acme.example/callback'];

const asking = said('continue.ask.title_editor', { app: 'Acme Inbox', editor: 'VS Code' });
const decision = (name) => 'button[value="' + name + '"]';

// Opens the page that asks: Stack Exchange has approved.
async function ask(page, url) {
  await page.goto(url);
  await consent(page, 'approve');
  await page.waitForSelector(ready(decision('continue')), { timeout: patience });
}

const press = async (page, name) => (await page.waitForSelector(ready(decision(name)), { timeout: patience })).click();

async function assertToken(answer) {
  const { status, access_token: token } = await answer;
  assert.equal(status, 200);
  assert.match(token, /^[A-Za-z0-9()*]{22}\)\)$/);
}

for (const name of Object.keys(browsers)) {
  describe(name, () => {
    let dss, browser;
    before(async () => { [dss, browser] = await Promise.all([startListing('7', [editor, ...hosts]), launch(name)]); });
    after(async () => {
      await browser.close();
      await dss.stop();
    });
    const inPage = (f) => () => inFreshPage(browser, f);

    const left = async (page) => {
      while ((await page.url()).startsWith(dss.url)) await setTimeout(20);
    };

    // Chromium and WebKit apply form-action to the redirect after the form, Firefox does not.
    test('form-action lets the code go to its target', inPage(async (page) => {
      const targets = name === 'webkit' ? [editor, ...hosts] : hosts; // others stay at a page that opens an editor
      for (const target of targets) {
        await ask(page, startCode(dss, target).url);
        await press(page, 'continue');
        await left(page);
      }
      await ask(page, startCode(dss, editor).url);
      await page.evaluate(() => {
        const policy = document.createElement('meta');
        policy.httpEquiv = 'Content-Security-Policy';
        policy.content = "form-action 'self'";
        document.head.append(policy);
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => { document.title = effectiveDirective; });
      });
      await press(page, 'continue');
      if (name !== 'firefox') await page.waitForFunction(() => document.title === 'form-action');
    }));

    test('the page that asks, and what comes of it', inPage(async (page) => {
      const app = startCode(dss, editor);
      await ask(page, app.url);
      const words = (await text(page, 'main')).replace(/\s+/g, ' ');
      for (const part of [asking, 'Acme GmbH', 'VS Code, extension acme.inbox']) {
        assert.ok(words.includes(part), words);
      }
      await assertAccessible(page);
      const asks = await page.url();
      await page.reload();
      await submit(page, decision('stop'));
      assert.equal(await page.url(), asks);
      assert.equal(await text(page, 'h1'), said('result.good'));
      await assertAccessible(page);
      const back = new URL(await page.$eval('main a[href^="vscode:"]', ({ href }) => href));
      assert.equal(back.searchParams.get('error'), 'access_denied');
      assert.equal(back.searchParams.get('state'), app.state);
    }));
  });
}

// A desktop on which a program handles an editor's scheme.
async function startDesktop(folder) {
  const env = {
    ...process.env, XDG_DATA_HOME: join(folder, 'data'), XDG_CONFIG_HOME: join(folder, 'config'),
    DISPLAY: process.env.DISPLAY || ':', // xdg-open asks for one, and needs none
  };
  const applications = join(folder, 'data', 'applications'), inbox = join(folder, 'inbox'), program = join(folder, 'editor');
  for (const place of [applications, inbox, join(folder, 'config')]) await mkdir(place, { recursive: true });
  await writeFile(program, '#!/bin/sh\nprintf %s "$1" > ' + folder + '/new && mv ' + folder + '/new ' + inbox + '/uri\n');
  await chmod(program, 0o755);
  await writeFile(join(applications, 'editor.desktop'),
    '[Desktop Entry]\nType=Application\nName=Editor\nExec=' + program + ' %u\nMimeType=x-scheme-handler/vscode;\n');
  execFileSync('xdg-mime', ['default', 'editor.desktop', 'x-scheme-handler/vscode'], { env });
  return {
    env,
    // The address that the program is started with next.
    async received(open) {
      const changes = watch(inbox, { signal: AbortSignal.timeout(patience) });
      const first = changes.next();
      await open();
      await first;
      await changes.return();
      return new URL(await readFile(join(inbox, 'uri'), 'utf8'));
    },
  };
}

test('an editor that is registered with the desktop signs in', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dss-desktop-'));
  const dss = await startListing('7', [editor]);
  const desktop = await startDesktop(folder);
  // A user has told the browser before to open the editor from here.
  const profile = join(folder, 'profile');
  await mkdir(join(profile, 'Default'), { recursive: true });
  await writeFile(join(profile, 'Default', 'Preferences'),
    JSON.stringify({ protocol_handler: { allowed_origin_protocol_pairs: { [dss.url]: { vscode: true } } } }));
  const browser = await launch('chromium', { userDataDir: profile, env: desktop.env });
  try {
    const page = await browser.newPage();
    const redeems = {
      '': ({ redeem }, code) => redeem(code),
      direct: ({ verifier }, code) => post(dss, '/sandbox/oauth/access_token/json', {
        client_id: '7', code, redirect_uri: dss.url + '/oauth/callback', code_verifier: verifier,
      }),
    };
    for (const [how, redeem] of Object.entries(redeems)) {
      const app = startCode(dss, editor, how && { dss_redeem: how });
      await ask(page, app.url);
      const uri = await desktop.received(() => press(page, 'continue'));
      const { code, ...others } = Object.fromEntries(uri.searchParams);
      assert.deepEqual([uri.protocol, uri.host, uri.pathname], ['vscode:', 'acme.inbox', '/callback']);
      assert.deepEqual(others, { iss: dss.url, state: app.state });
      await assertToken(redeem(app, code));
      await page.reload();
      assert.equal(await text(page, 'h1'), how ? asking : said('result.finished.title', { app: 'Acme Inbox' }));
    }
  } finally {
    await browser.close();
    await dss.stop();
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
});

for (const name of ['chromium', 'firefox']) {
  test('an extension of ' + name + ' signs in', async () => {
    const page = await startListener(); // of the extension, so to speak
    const browser = await launch(name, name === 'chromium' ? { pipe: true, enableExtensions: true } : {});
    let dss;
    try {
      await browser.installExtension(fileURLToPath(new URL('extension', import.meta.url)));
      const extension = await browser.newPage();
      await extension.goto('http://127.0.0.1:' + page.port + '/');
      const call = (what, url) => extension.evaluate((what, url) => new Promise((resolve) => {
        const id = Math.random();
        addEventListener('message', ({ data }) => { if (data.answer === id) resolve(data); });
        postMessage({ id, what, url });
      }), what, url);
      const { result: redirectURI } = await call('redirectURL');
      dss = await startListing('7', [redirectURI]);
      const windows = new Set();

      // Returns what launchWebAuthFlow has, after the user has done their part in its window.
      const flow = async (app, user) => {
        const [{ result, error }] = await Promise.all([call('signIn', app.url), (async () => {
          const isNew = (target) => target.url().startsWith(dss.url) && !windows.has(target);
          const target = await browser.waitForTarget(isNew, { timeout: patience });
          windows.add(target);
          await user(await target.page());
        })()]);
        assert.equal(error, undefined);
        const response = Object.fromEntries(new URL(result).searchParams);
        assert.ok(result.startsWith(app.redirectURI + '?'), result);
        assert.deepEqual([response.iss, response.state], [dss.url, app.state]);
        return response;
      };

      const app = startCode(dss, redirectURI);
      await assertToken(app.redeem((await flow(app, async (window) => {
        await consent(window, 'approve');
        await press(window, 'continue');
      })).code));
      const { error } = await flow(startCode(dss, redirectURI), async (window) => {
        await consent(window, 'approve');
        await submit(window, decision('stop'));
        await window.click('main a[href^="' + redirectURI + '"]');
      });
      assert.equal(error, 'access_denied');
      if (name === 'firefox') { // its loopback address needs no list
        const id = new URL(redirectURI).host.split('.')[0];
        const loopback = startCode(dss, 'http://127.0.0.1/mozoauth2/' + id + '/callback');
        await assertToken(loopback.redeem((await flow(loopback, (window) => press(window, 'approve'))).code));
      }
    } finally {
      await browser.close();
      page.stop();
      await dss?.stop();
    }
  });
}

// The userscript and the extension of examples/, as their users would run them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { browsers, launch, patience, press, section } from './browsers.js';
import { startDSS } from './dss.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const client = await readFile(join(root, 'clients/dss.mjs'), 'utf8');
const marks = { paste: /^\/\/ PASTE .*$/m, end: '// What follows is for modules' };

let dss, site;
before(async () => {
  dss = await startDSS();
  // A site whose policy lets its own scripts send no requests.
  site = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.setHeader('Content-Security-Policy', "connect-src 'none'");
    response.end('<!doctype html><title>site</title><h1>Questions</h1>');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
});
after(async () => {
  site.close();
  site.closeAllConnections();
  await dss.stop();
});

const settings = () => ({
  server: dss.url, clientId: '17', api: dss.url + '/sandbox/2.3', stackexchange: dss.url + '/sandbox',
});

// What a person does once the app has shown a code: the page must show it too.
async function approve(page, url, code) {
  await page.bringToFront();
  await page.goto(url);
  await Promise.all([page.waitForNavigation(), page.click('button[value="approve"]')]);
  await section(page, 'confirm');
  assert.ok((await page.$eval('body', (body) => body.innerText)).includes(code), 'the page shows another code than ' + code);
  await press(page, 'confirm', 'finish', 'waiting|finished|sent');
}

// Goes back to the app's page: a page behind another one draws nothing, and
// waitForFunction looks when a page is drawn.
async function showsInbox(page, selector) {
  await page.bringToFront();
  await page.waitForFunction((place) => /^In your inbox: \d+$/.test(document.querySelector(place).textContent),
    { timeout: patience }, selector);
}

const shownCode = (text) => /[0-9A-Z]{3}-[0-9A-Z]{3}/.exec(text)[0];

// The manager of userscripts: what it grants, in the page.
function grant() {
  const values = {}, commands = {};
  Object.assign(window, {
    values, commands,
    GM_registerMenuCommand: (name, run) => { commands[name] = run; },
    GM_getValue: (name) => values[name],
    GM_setValue: (name, value) => { values[name] = value; },
    GM_openInTab: (url) => { window.opened = url; },
    GM_xmlhttpRequest: ({ onload, onerror, ...request }) => window.send(JSON.stringify(request)).then(
      (answer) => onload(JSON.parse(answer)), onerror),
  });
}

async function send(text) {
  const { url, method, data, headers } = JSON.parse(text);
  const answer = await fetch(url, { method, body: data, headers, redirect: 'manual' });
  const lines = [...answer.headers].map(([name, value]) => name + ': ' + value + '\r\n');
  return JSON.stringify({ status: answer.status, responseText: await answer.text(), responseHeaders: lines.join('') });
}

for (const name of ['chromium', 'firefox']) {
  test('userscript in ' + name, async () => {
    const recipe = await readFile(join(root, 'examples/userscript/inbox.user.js'), 'utf8');
    assert.match(recipe, marks.paste);
    const script = recipe.replace(marks.paste, () => client.slice(client.indexOf('\n'), client.indexOf(marks.end)))
      .replace(/^const settings = .*$/m, 'const settings = ' + JSON.stringify(settings()));
    const browser = await launch(name);
    try {
      const page = await browser.newPage();
      await page.goto('http://localhost:' + site.address().port);
      await page.exposeFunction('send', send);
      await page.evaluate(grant);
      await page.evaluate('(() => {' + script + '})()');
      await page.evaluate(() => { window.commands['Show my inbox'](); });
      await page.waitForFunction(() => window.opened);
      const { opened, text } = await page.evaluate(() => (
        { opened: window.opened, text: document.querySelector('#dss-inbox').textContent }));
      await approve(await browser.newPage(), opened, shownCode(text));
      await showsInbox(page, '#dss-inbox');
      assert.match(await page.evaluate(() => window.values.token), /^[!-~]{24}$/);
    } finally {
      await browser.close();
    }
  });
}

// Clicks the icon of the only extension, once its background script listens:
// that a worker is there does not say that its script has run.
async function clickAction(browser) {
  const target = await browser.waitForTarget((target) => target.type() === 'service_worker');
  const worker = await target.worker();
  for (const end = Date.now() + patience; Date.now() < end; await setTimeout(20)) {
    if (await worker.evaluate(() => globalThis.chrome?.action?.onClicked.hasListeners())) break;
  }
  const [extension] = (await browser.extensions()).values();
  const [page] = await browser.pages();
  await extension.triggerAction(page);
}

test('extension in chromium', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'extension-'));
  await cp(join(root, 'examples/webextension'), folder, { recursive: true });
  await cp(join(root, 'clients/dss.mjs'), join(folder, 'dss.mjs'));
  await writeFile(join(folder, 'settings.js'), 'export const settings = ' + JSON.stringify(settings()));
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  manifest.host_permissions = [dss.url.replace(/:\d+$/, '') + '/*'];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const browser = await launch('chromium', { pipe: true, enableExtensions: [folder], args: browsers.chromium.args });
  try {
    await clickAction(browser);
    const tab = await browser.waitForTarget((target) => target.url().endsWith('/inbox.html'));
    const page = await tab.page();
    const link = await page.waitForSelector('#link:not([hidden])');
    const text = await page.$eval('#text', (element) => element.textContent);
    await approve(await browser.newPage(), await link.evaluate((element) => element.href), shownCode(text));
    await showsInbox(page, '#text');
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
});

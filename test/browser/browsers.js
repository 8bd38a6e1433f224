// The three browsers, and how a person uses the hand-over page in them.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';
import { launchWebKit } from './webkit.js';

export const browsers = {
  chromium: { browser: 'chrome', executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] },
  firefox: { browser: 'firefox', executablePath: process.env.FIREFOX || '/usr/bin/firefox-esr' },
  webkit: {},
};

// Those that a suite is run in: all, or the one that DSS_TEST_BROWSER names.
export const engines = process.env.DSS_TEST_BROWSER ? [process.env.DSS_TEST_BROWSER] : Object.keys(browsers);

// Bounds every wait, in milliseconds; nothing comes near it.
export const patience = 60000;

export const launch = (name, options = {}) => name === 'webkit' ? launchWebKit(options) :
  puppeteer.launch({ headless: true, protocolTimeout: 60000, ...browsers[name], ...options });

const withoutScript = {
  chromium: {},
  firefox: { extraPrefsFirefox: { 'javascript.enabled': false } },
  webkit: { javaScript: false },
};

// Launches a browser that runs no scripts, and opens a page in it. Firefox
// then lets a test read no page either.
export async function launchWithoutScript(name) {
  const browser = await launch(name, withoutScript[name]);
  const page = await browser.newPage();
  if (name === 'chromium') await page.setJavaScriptEnabled(false);
  return { browser, page };
}

// A button that takes clicks: none that is held back, by script or until it is
// there.
export const ready = (selector) => selector + ':enabled:not([data-guard=""] *)';

// One of several sections, with | between their names.
const visible = (sections) => sections.split('|').map((name) => '[data-section="' + name + '"]:not([hidden])').join(', ');

// Waits for a section of the hand-over page, or of the one that follows it.
export const section = (page, name) => page.waitForSelector(visible(name), { timeout: patience });

// Where a page is. Firefox knows what is on a page before page.url() does.
export const address = (page) => page.evaluate(() => location.href);

// Words without the marks that say where their lines may break.
export const withoutBreaks = (words) => words.replace(/[\u200b\u2060]/g, '').replaceAll('\u00a0', ' ').replaceAll('\u2011', '-');

// The words of an element.
export const text = async (page, selector) => withoutBreaks(await page.$eval(selector, (element) => element.textContent));

// Presses a button, again if the page takes no click yet, until what it leads
// to is there.
export async function press(page, from, decision, to) {
  const selector = ready(visible(from) + ' button[value="' + decision + '"]');
  for (let attempt = 0; attempt < 5; attempt++) {
    const button = await page.waitForSelector(selector, { timeout: patience });
    await button.click();
    try {
      return await page.waitForSelector(visible(to), { timeout: 3000 });
    } catch {
      // held back, because the window had just come to the front
    }
  }
  assert.fail('pressing ' + decision + ' did not lead to ' + to);
}

// Presses a button that is held back for a moment, in a page that runs no
// scripts. Firefox lets a test read no such page: there the mouse clicks where
// the button is in a page whose scripts do not arrive, until a click counts.
export async function pressHeld(name, page, selector) {
  if (name !== 'firefox') {
    while (await page.$eval(selector, (button) => getComputedStyle(button).visibility) !== 'visible') await setTimeout(20);
    return Promise.all([page.waitForNavigation(), page.$(selector).then((button) => button.click())]);
  }
  const size = { width: 800, height: 1400 };
  const [x, y] = await placeOf(await page.url(), selector, size);
  await page.setViewport(size);
  // A click that counts may never be answered: its page is gone.
  const left = page.waitForNavigation({ timeout: patience }).then(() => true, () => false);
  for (let attempt = 0; attempt < 10; attempt++) {
    const unheard = page.mouse.click(x, y).catch(() => {}).then(() => setTimeout(2000, false));
    if (await Promise.race([left, unheard])) return;
  }
  assert.fail('no click on ' + selector + ' counts');
}

async function placeOf(url, selector, size) {
  const browser = await launch('firefox');
  try {
    const page = await browser.newPage();
    await page.setViewport(size);
    await page.setRequestInterception(true);
    page.on('request', (request) => { request.url().endsWith('.js') ? request.abort() : request.continue(); });
    await page.goto(url);
    return await page.$eval(selector, (button) => {
      const { x, y, width, height } = button.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    });
  } finally {
    await browser.close();
  }
}

// Clicks a button whose form leads to another page.
export async function submit(page, selector) {
  const button = await page.waitForSelector(ready(selector), { timeout: patience });
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.click()]);
}

export const consent = (page, decision) => submit(page, 'button[value="' + decision + '"]');

// Runs f in a page of a fresh profile, and fails on any script error but those
// that are expected.
export async function inFreshPage(browser, f, expected = /frame-ancestors/) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', ({ message }) => { if (!expected.test(message)) errors.push(message); });
  page.on('dialog', (dialog) => { errors.push('dialog'); dialog.dismiss(); });
  try {
    await f(page, context);
    assert.deepEqual(errors, []);
  } finally {
    await closeContext(context);
  }
}

// Closes a context. A busy Chromium has been seen not to answer to that; closing the
// browser ends what is left.
export const closeContext = (context) => Promise.race([context.close().catch(() => {}), setTimeout(10000, undefined, { ref: false })]);

// What stands in the address bar and, where a test can ask for it, in the
// session history.
export async function history(page) {
  const addresses = [await page.url()];
  if ((await page.browser().version()).includes('Chrom')) {
    const session = await page.createCDPSession();
    const { entries } = await session.send('Page.getNavigationHistory');
    for (const entry of entries) addresses.push(entry.url, entry.title);
    await session.detach();
  }
  return addresses;
}

// Nothing secret may be left in the address bar or the session history.
export async function assertCleanHistory(page, secrets) {
  for (const address of await history(page)) {
    const query = address.split('/auth/redirect')[1] || '';
    assert.doesNotMatch(query, /access_token|code=|state=/, 'the response is still in an address');
    for (const secret of secrets) assert.ok(!query.includes(secret), 'a secret is still in an address');
  }
}

// Goes back one entry. Chromium knows no history while a page that refreshes
// itself makes way for another.
async function goBack(page) {
  for (let attempts = 50; ; attempts--) {
    try {
      return await page.goBack();
    } catch (error) {
      if (attempts === 1 || !/Not attached to an active page/.test(error.message)) throw error;
      await setTimeout(100);
    }
  }
}

// Goes back entry by entry to the address that the tab began with, in no more
// steps than given, and returns the addresses on the way, the page's own first.
// How many entries there are is the browser's matter: one that is left before it
// is complete may be replaced.
export async function walkBack(page, start, steps) {
  const addresses = [await page.url()];
  while (addresses.at(-1) !== start) {
    assert.ok(addresses.length <= steps, 'the history does not lead back to ' + start + ': ' + addresses.join(' '));
    await goBack(page);
    addresses.push(await page.url());
  }
  return addresses;
}

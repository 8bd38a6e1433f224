// Every page in every state, language, engine, colour and width, and what can be measured of
// it. test/pictures lists the states. contactsheet.js makes a picture of each;
// pictures.test.js checks a sample.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './axe.js';
import { browsers, launch, withoutBreaks } from './browsers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 720 } };
export const colours = ['light', 'dark'];

const inTheDark = {
  chromium: { args: [...browsers.chromium.args, '--blink-settings=preferredColorScheme=0'] },
  firefox: { extraPrefsFirefox: { 'ui.systemUsesDarkTheme': 1 } },
  webkit: { dark: true },
};

export const launchIn = (engine, colour) => launch(engine, colour === 'dark' ? inTheDark[engine] : {});

// Starts what serves the pages.
export async function startPictures() {
  const child = spawn('go', ['run', './test/pictures'], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [url] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => { throw new Error('no pictures'); })]);
  const { languages, states } = await (await fetch(url + '/states')).json();
  return {
    url, languages, states,
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

// Opens a page that is not open yet: an address that differs in its fragment loads nothing.
export async function open(page, pictures, { state, language }) {
  await page.setViewport(sizes.desk); // so that the phone is a window made narrow: no easier than one that was
  await page.goto(pictures.url + '/picture/' + language + '/' + state.name + (state.fragment ?? ''));
  if (state.shows) await page.waitForSelector(state.shows + ':not([hidden])', { timeout: 10000 });
}

// What a page measures, in the page.
const measure = () => {
  const shown = (element) => element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  const find = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const bottom = (element) => Math.ceil(element.getBoundingClientRect().bottom);
  const buttons = find('main button').filter((button) => !button.closest('details'));
  const sticky = find('.sticky')[0];
  const covered = sticky ? find('.ask :is(h1, .by, .warning, .q, .permissions li)').filter((one) => {
    const { top } = sticky.getBoundingClientRect();
    return !sticky.contains(one) && bottom(one) > top;
  }) : [];
  // Letters outside the window, or outside the card that they are in, to which nothing scrolls.
  const scrolls = (element) => element && (/auto|scroll/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const outside = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const card = text.parentElement.closest('button, .button, .card, body');
    if (!text.data.trim() || !shown(text.parentElement) || text.parentElement.closest('script, style, .skip')) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const [letters, around] = [range.getBoundingClientRect(), card.getBoundingClientRect()];
    const low = card.matches('button, .button') && letters.bottom > around.bottom;
    const fits = letters.left > around.left - 1 && letters.right < around.right + 1 && !low;
    if (!fits && !scrolls(text.parentElement)) outside.push(text.data.trim());
  }
  const root = document.documentElement;
  const host = find('.host')[0]?.getBoundingClientRect();
  const fromTheEnd = host && (root.dir === 'rtl' ? host.left : root.clientWidth - host.right);
  return {
    title: document.title,
    language: root.lang,
    headline: find('h1')[0]?.textContent ?? '',
    wide: root.scrollWidth - innerWidth,
    fromTheEnd: fromTheEnd ?? 0,
    lowest: Math.max(0, ...buttons.map(bottom)),
    decisions: buttons.length,
    covered: covered.map((one) => one.textContent),
    outside,
    height: innerHeight,
    width: innerWidth,
    ground: getComputedStyle(document.body).backgroundColor,
  };
};

const plain = (text) => withoutBreaks(text).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').replace(/\s+/g, ' ').trim();

// Checks a page that is open, without axe if the caller says so: that takes longer than all
// the rest.
export async function check(page, { state, language, colour, size, axe = true }) {
  const where = [state.name, language, size].join(' ');
  const m = await page.evaluate(measure);
  assert.equal(m.language, state.english ? 'en' : language, where);
  assert.equal(m.width, sizes[size].width, where);
  assert.ok(m.wide <= 0, where + ' is ' + m.wide + ' pixels too wide');
  assert.ok(m.fromTheEnd < 32, where + ' has its host ' + m.fromTheEnd + ' pixels from the end of the line');
  assert.deepEqual(m.outside, [], where + ' has letters outside');
  const brightness = Math.max(...m.ground.match(/[\d.]+/g).slice(0, 3).map(Number));
  assert.equal(brightness < 128, colour === 'dark', where + ' is on ' + m.ground);
  if (!state.english) assert.ok(plain(m.title).endsWith(plain(m.headline)), where + ': ' + m.title + ' is not ' + m.headline);
  if (state.decides && !language.startsWith('en-')) { // which is longer than any language
    assert.ok(m.decisions > 0 && m.lowest <= m.height, where + ': the decision ends at ' + m.lowest);
  }
  if (!language.startsWith('en-')) assert.deepEqual(m.covered, [], where + ' has something below its buttons');
  if (axe) await assertAccessible(page);
}

// Takes a picture of a page that is open. A PNG's header says how wide it is.
export async function take(page, size) {
  const png = Buffer.from(await page.screenshot());
  assert.equal(png.readUInt32BE(16), sizes[size].width, 'the picture on a ' + size);
  return png;
}

// Checks that a page that is open needs no scrolling to the side on the narrowest screen, as
// with a zoom of 400 %, and with letters twice as large.
export async function checkNarrow(page, { state, language }) {
  for (const [how, width, letters] of [['at 320 pixels', 320, ''], ['with large letters', 640, '200%']]) {
    await page.setViewport({ width, height: 720 });
    const wide = await page.evaluate((size) => {
      document.documentElement.style.fontSize = size;
      return document.documentElement.scrollWidth - innerWidth;
    }, letters);
    assert.ok(wide <= 0, [state.name, language, how].join(' ') + ' is ' + wide + ' pixels too wide');
  }
}

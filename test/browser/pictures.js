// Every page in every state, language, engine, colour and width: rendered, and checked for
// what can be measured. test/pictures lists the states. node pictures.js makes a contact
// sheet of all of them; pictures.test.js checks a pairwise sample.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './axe.js';
import { browsers, launch } from './browsers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = root + 'test/browser/pictures/';

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

// What a page measures, in the page.
const measure = () => {
  const shown = (element) => element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  const headline = [...document.querySelectorAll('h1')].find(shown);
  const buttons = [...document.querySelectorAll('main button')].filter((b) => shown(b) && !b.closest('details'));
  return {
    title: document.title,
    headline: headline ? headline.textContent : '',
    wide: document.documentElement.scrollWidth - innerWidth,
    lowest: Math.max(0, ...buttons.map((b) => b.getBoundingClientRect().bottom)),
    decisions: buttons.length,
    height: innerHeight,
  };
};

const plain = (text) => text.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').replace(/\s+/g, ' ').trim();

// Opens a page and checks it, without axe if the caller says so: that takes longer than
// all the rest, and hardly depends on the language.
export async function check(page, pictures, { state, language, size, axe = true }) {
  await page.setViewport(sizes[size]);
  await page.goto('about:blank'); // or an address that differs in its fragment loads nothing
  await page.goto(pictures.url + '/picture/' + language + '/' + state.name + (state.fragment ?? ''));
  if (state.shows) await page.waitForSelector(state.shows + ':not([hidden])', { timeout: 10000 });
  const where = [state.name, language, size].join(' ');
  const m = await page.evaluate(measure);
  assert.ok(m.wide <= 0, where + ' is ' + m.wide + ' pixels too wide');
  if (!state.english) assert.ok(plain(m.title).endsWith(plain(m.headline)), where + ': ' + m.title + ' is not ' + m.headline);
  if (state.decides && !language.startsWith('en-')) { // which is longer than any language
    assert.ok(m.decisions > 0 && m.lowest <= m.height, where + ': the decision ends at ' + m.lowest);
  }
  if (axe) await assertAccessible(page);
}

// Checks that a page needs no scrolling to the side on the narrowest screen, as with a zoom
// of 400 %, and with letters twice as large.
export async function checkNarrow(page, pictures, { state, language }) {
  const where = [state.name, language].join(' ');
  for (const [how, width, letters] of [['at 320 pixels', 320, ''], ['with large letters', 640, '200%']]) {
    await page.setViewport({ width, height: 720 });
    await page.goto('about:blank');
    await page.goto(pictures.url + '/picture/' + language + '/' + state.name + (state.fragment ?? ''));
    if (state.shows) await page.waitForSelector(state.shows + ':not([hidden])', { timeout: 10000 });
    const wide = await page.evaluate((size) => {
      document.documentElement.style.fontSize = size;
      return document.documentElement.scrollWidth - innerWidth;
    }, letters);
    assert.ok(wide <= 0, where + ' ' + how + ' is ' + wide + ' pixels too wide');
  }
}

// The contact sheet of one engine.
async function take(engine, pictures, wanted) {
  const failures = [], shots = [];
  for (const colour of colours) {
    const browser = await launchIn(engine, colour);
    const page = await browser.newPage();
    for (const language of pictures.languages) {
      for (const state of pictures.states) {
        if (state.english && language !== 'en' || !wanted(engine, colour, language, state.name)) continue;
        for (const size of Object.keys(sizes)) {
          const name = [engine, colour, language, size, state.name].join('-') + '.png';
          try {
            await check(page, pictures, { state, language, size });
          } catch (error) {
            failures.push(engine + ' ' + colour + ' ' + error.message);
          }
          writeFileSync(folder + name, await page.screenshot());
          shots.push({ name, state: state.name, language, size, colour });
        }
        if (colour === 'light') await checkNarrow(page, pictures, { state, language }).catch((error) => failures.push(error.message));
      }
    }
    await browser.close();
  }
  return { engine, failures, shots };
}

const sheet = ({ engine, failures, shots }) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${engine}</title>
<style>body{font:14px system-ui}figure{display:inline-block;margin:4px;vertical-align:top}img{height:420px;border:1px solid #ccc}</style>
<h1>${engine}: ${shots.length} pictures, ${failures.length} failures</h1><pre>${failures.join('\n').replaceAll('<', '&lt;')}</pre>
${[...new Set(shots.map(({ state }) => state))].map((state) => `<h2>${state}</h2>` + shots.filter((s) => s.state === state).map(({ name, language, size, colour }) =>
  `<figure><img loading="lazy" src="${name}" alt=""><figcaption>${language} ${size} ${colour}</figcaption></figure>`).join('')).join('\n')}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const only = process.argv.slice(2); // engines, colours, languages and states; none is all
  const wanted = (...of) => only.every((word) => of.some((one) => one === word || one.startsWith(word + '-')));
  mkdirSync(folder, { recursive: true });
  const pictures = await startPictures();
  let failed = 0;
  for (const engine of Object.keys(browsers)) {
    if (only.some((word) => word in browsers && word !== engine)) continue;
    const result = await take(engine, pictures, wanted);
    writeFileSync(folder + engine + '.html', sheet(result));
    console.log(`${engine}: ${result.shots.length} pictures, ${result.failures.length} failures, see ${folder}${engine}.html`);
    for (const failure of result.failures) console.log('  ' + failure.slice(0, 400));
    failed += result.failures.length;
  }
  await pictures.stop();
  process.exitCode = failed ? 1 : 0;
}

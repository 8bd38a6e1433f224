// Takes every picture, and makes contact sheets of them, one for each language: node
// contactsheet.js [WORD ...], where each word is an engine, a colour, a language or a state,
// and none is all. What other runs have taken stays in the sheets.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { browsers, inFreshPage } from './browsers.js';
import { check, checkNarrow, colours, launchIn, open, sizes, startPictures, take } from './pictures.js';

const folder = fileURLToPath(new URL('pictures/', import.meta.url));
const words = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const pictures = await startPictures();

// Those that the words name, or all.
function named(all) {
  const some = all.filter((one) => words.includes(one));
  return some.length ? some : all;
}

const names = pictures.states.map(({ name }) => name);
const known = [...Object.keys(browsers), ...colours, ...pictures.languages, ...names];
for (const word of words) if (!known.includes(word)) throw new Error(word + ' is none of ' + known.join(' '));

// Takes a page on each screen.
async function takeEach(page, { engine, colour, language, state }) {
  const failures = [];
  const note = (error) => failures.push([engine, colour, error.message].join(' '));
  await open(page, pictures, { state, language }).catch(note);
  for (const size of Object.keys(sizes)) {
    await page.setViewport(sizes[size]);
    await check(page, { state, language, colour, size }).catch(note);
    writeFileSync(folder + [state.name, language, engine, colour, size].join('.') + '.png', await take(page, size));
  }
  if (colour === 'light') await checkNarrow(page, { state, language }).catch(note);
  return failures;
}

// Takes the pages of one language.
async function takeAll(browser, { engine, colour, language }) {
  const states = pictures.states.filter(({ name, english }) => named(names).includes(name) && !(english && language !== 'en'));
  const failures = [];
  await inFreshPage(browser, async (page) => {
    for (const state of states) failures.push(...await takeEach(page, { engine, colour, language, state }));
  });
  for (const failure of failures) console.log(failure.slice(0, 600));
  return [2 * states.length, failures.length];
}

async function run(engine) {
  const began = Date.now();
  let [taken, failed] = [0, 0];
  for (const colour of named(colours)) {
    const browser = await launchIn(engine, colour);
    for (const language of named(pictures.languages)) {
      const [more, failures] = await takeAll(browser, { engine, colour, language });
      [taken, failed] = [taken + more, failed + failures];
    }
    await browser.close();
  }
  console.log(`${engine}: ${taken} pictures in ${Math.round((Date.now() - began) / 1000)} seconds, ${failed} failures`);
  return failed;
}

const head = (title) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:14px system-ui;background:#888}figure{display:inline-block;margin:4px;vertical-align:top}img{height:520px}</style>
<h1>${title}</h1>`;

// The contact sheet of a language: a row for each state.
function sheet(language, taken) {
  const rows = names.map((state) => {
    const figures = taken.filter((one) => one.state === state).map(({ name, of }) =>
      `<figure><a href="${name}"><img loading="lazy" src="${name}" alt=""></a><figcaption>${of}</figcaption></figure>`);
    return figures.length ? `<h2>${state}</h2>\n${figures.join('\n')}` : '';
  });
  writeFileSync(folder + language + '.html', head(language) + rows.join('\n'));
}

const failed = (await Promise.all(named(Object.keys(browsers)).map(run))).reduce((sum, n) => sum + n);
const taken = readdirSync(folder).filter((name) => name.endsWith('.png')).map((name) => {
  const [state, language, ...of] = name.split('.').slice(0, -1);
  return { name, state, language, of: of.join(' ') };
});
for (const language of pictures.languages) sheet(language, taken.filter((one) => one.language === language));
writeFileSync(folder + 'index.html', head('Pictures') +
  pictures.languages.map((language) => `<p><a href="${language}.html">${language}</a>`).join('\n'));
console.log('see ' + folder + 'index.html');
await pictures.stop();
process.exitCode = failed ? 1 : 0;

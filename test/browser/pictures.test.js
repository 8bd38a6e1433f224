// A sample of all pictures: each state in each engine and colour, each language in each
// engine and colour, and each decision in each language.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browsers, inFreshPage } from './browsers.js';
import { check, checkNarrow, colours, launchIn, open, sizes, startPictures, take } from './pictures.js';

// Rows of one value for each factor, so that each two values of two factors are in one of
// them, except of the two factors that need not meet. Each row takes a pair that is missing
// and, for the other factors, the value with the most pairs that are missing, or else the one
// that is in the fewest rows.
function pairwise(factors, apart = []) {
  const names = Object.keys(factors);
  const key = (a, x, b, y) => names.indexOf(a) < names.indexOf(b) ? [a, x, b, y].join('\n') : [b, y, a, x].join('\n');
  const missing = new Map();
  for (const [i, a] of names.entries()) {
    for (const b of names.slice(i + 1)) {
      if (apart.includes(a) && apart.includes(b)) continue;
      for (const x of factors[a]) for (const y of factors[b]) missing.set(key(a, x, b, y), [a, x, b, y]);
    }
  }
  const rows = [];
  while (missing.size) {
    const [a, x, b, y] = missing.values().next().value;
    const row = { [a]: x, [b]: y };
    for (const name of names.filter((one) => !(one in row))) {
      const gain = (value) => Object.keys(row).filter((other) => missing.has(key(name, value, other, row[other]))).length;
      const uses = (value) => rows.filter((other) => other[name] === value).length;
      row[name] = factors[name].reduce((best, value) => (gain(value) - gain(best) || uses(best) - uses(value)) > 0 ? value : best);
    }
    for (const one of names) for (const other of names) if (one !== other) missing.delete(key(one, row[one], other, row[other]));
    rows.push(row);
  }
  return rows;
}

test('a sample has every pair', () => {
  const factors = { a: ['1', '2', '3'], b: ['x', 'y'], c: ['k', 'l', 'm', 'n'] };
  const rows = pairwise(factors);
  assert.ok(rows.length < 20, rows.length + ' rows');
  for (const [one, other] of [['a', 'b'], ['a', 'c'], ['b', 'c']]) {
    for (const x of factors[one]) {
      for (const y of factors[other]) assert.ok(rows.some((row) => row[one] === x && row[other] === y), one + x + other + y);
    }
  }
  assert.ok(pairwise(factors, ['a', 'c']).length < rows.length);
});

// What forced colours make invisible, in the page: buttons without an edge, shapes without
// an outline.
const unseen = () => {
  const found = matchMedia('(forced-colors: active)').matches ? [] : ['the colours are not forced'];
  const ground = getComputedStyle(document.body).backgroundColor;
  const look = (selector, isSeen) => {
    for (const element of document.querySelectorAll(selector)) {
      if (element.checkVisibility() && !isSeen(getComputedStyle(element))) found.push(element.outerHTML.slice(0, 200));
    }
  };
  look('main button', (style) => parseFloat(style.borderTopWidth) > 0 && style.borderTopColor !== ground);
  look('.shape > :first-child', (style) => style.stroke !== 'none' && style.stroke !== ground);
  return found;
};

// On which screen axe looks at each state in a colour: it sees all states in both colours and
// on both screens.
const axeOn = { light: 'phone', dark: 'desk' };

// The language with the longest texts.
const longest = 'en-XA';

describe('pictures', { concurrency: 2 }, () => {
  let pictures, rows;
  const seen = new Set();
  const isFirst = (...of) => !seen.has(of.join()) && Boolean(seen.add(of.join()));
  before(async () => {
    pictures = await startPictures();
    const { languages } = pictures;
    const named = (is) => pictures.states.filter(is).map(({ name }) => name);
    const places = { engine: Object.keys(browsers), colour: colours };
    rows = [
      ...pairwise({ state: named(({ decides }) => decides), language: languages, ...places }),
      ...pairwise({ state: named(({ decides, english }) => !decides && !english), language: languages, ...places }, ['state', 'language']),
      ...pairwise({ state: named(({ english }) => english), language: ['en'], ...places }),
    ];
  });
  after(() => pictures.stop());

  test('in forced colours, and narrow', async () => {
    const browser = await launchIn('chromium', 'light');
    try {
      await inFreshPage(browser, async (page) => {
        const session = await page.createCDPSession();
        await session.send('Emulation.setEmulatedMedia', { features: [{ name: 'forced-colors', value: 'active' }] });
        for (const state of pictures.states) {
          const language = state.english ? 'en' : longest;
          await open(page, pictures, { state, language });
          if (!state.english) assert.deepEqual(await page.evaluate(unseen), [], state.name);
          await checkNarrow(page, { state, language });
        }
      });
    } finally {
      await browser.close();
    }
  });

  for (const engine of Object.keys(browsers)) {
    test(engine, async () => {
      for (const colour of colours) {
        const browser = await launchIn(engine, colour);
        try {
          await inFreshPage(browser, async (page) => {
            for (const { state: name, language } of rows.filter((one) => one.engine === engine && one.colour === colour)) {
              const state = pictures.states.find((one) => one.name === name);
              await open(page, pictures, { state, language });
              const first = isFirst(state.name, colour);
              for (const size of Object.keys(sizes)) {
                await page.setViewport(sizes[size]);
                await check(page, { state, language, colour, size, axe: first && size === axeOn[colour] });
              }
            }
            for (const size of Object.keys(sizes)) {
              await page.setViewport(sizes[size]);
              await take(page, size);
            }
          });
        } finally {
          await browser.close();
        }
      }
    });
  }
});

// What axe finds in a page, by WCAG 2.2 at level AA.
import assert from 'node:assert/strict';
import axe from 'axe-core';

const load = new Function(axe.source);

// Without preloading: the pages have no media, and the rule that reads style sheets is an experimental one.
const run = () => window.axe
  .run({ preload: false, resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
  .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')));

export async function assertAccessible(page) {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(load);
  assert.deepEqual(await page.evaluate(run), [], 'at ' + await page.url());
}

// What axe finds in a page, by WCAG 2.2 at level AA.
import assert from 'node:assert/strict';
import axe from 'axe-core';

const run = new Function(axe.source + `
  return axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')));`);

export async function assertAccessible(page) {
  assert.deepEqual(await page.evaluate(run), [], 'at ' + await page.url());
}

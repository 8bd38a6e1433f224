// Draws the pictures of internal/web/static that are not SVG: node images.js
import { readFileSync, writeFileSync } from 'node:fs';
import { launch } from './browsers.js';

const folder = new URL('../../internal/web/static/', import.meta.url);
const icon = readFileSync(new URL('favicon.svg', folder), 'utf8');
const browser = await launch('chromium');
const page = await browser.newPage();

async function draw(width, height, body) {
  await page.setViewport({ width, height });
  await page.setContent('<!doctype html><style>*{margin:0}svg{display:block}</style>' + body);
  return Buffer.from(await page.screenshot({ omitBackground: true }));
}

const square = (size) => draw(size, size, icon.replace('<svg ', '<svg width="' + size + '" height="' + size + '" '));

// An icon file with one picture, which is a PNG.
function ico(size, png) {
  const head = Buffer.alloc(22);
  head.set([0, 0, 1, 0, 1, 0, size, size, 0, 0, 1, 0, 32, 0]);
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, png]);
}

const card = `<div style="height:630px;box-sizing:border-box;padding:90px 96px;background:#f6f7f9;color:#14181f;font:700 68px/1.15 Inter,sans-serif">
${icon.replace('<svg ', '<svg width="96" height="96" ')}<p style="margin:56px 0 36px">Stack Overflow sign-in<br>for your desktop app.</p>
<p style="color:#0b5cad">No server, no secret.</p></div>`;

writeFileSync(new URL('favicon.ico', folder), ico(32, await square(32)));
writeFileSync(new URL('touch.png', folder), await square(180));
writeFileSync(new URL('card.png', folder), await draw(1200, 630, card));
await browser.close();

// What pages say in English.
import { readFileSync } from 'node:fs';

const texts = JSON.parse(readFileSync(new URL('../../internal/web/text/en.json', import.meta.url)));

// Returns the text with a name as a page shows it, without its markup.
export function said(name, values = {}) {
  const forms = texts[name];
  const text = typeof forms === 'string' ? forms : forms[values.n === 1 ? 'one' : 'other'];
  return text.replace(/\*\*|`/g, '').replace(/\{(\w+)\}/g, (_, placeholder) => values[placeholder]);
}

// The headline of the page that asks about a device whose app has no name.
export const unknownDevice = said('device.confirm.title.unknown', { service: 'Stack Overflow' });

// Reads an authorization response from a fragment, strictly, as docs/api.md says.
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const names = ['state', 'access_token', 'code', 'expires', 'error', 'error_description'];
  const kinds = ['access_token', 'code', 'error'];
  // A token or code: visible ASCII, and no %XX, which something that was encoded
  // twice would still hold.
  const secret = /^(?!.*%[0-9A-Fa-f]{2})[\x21-\x7e]{1,4096}$/;

  // Form decoding; throws on an invalid percent sequence.
  const decode = (text) => decodeURIComponent(text.replaceAll('+', ' '));

  // The pairs of a form-encoded text, or null if one is undecodable, as one with
  // a semicolon is, or a name stands there twice.
  const pairs = (text) => {
    const found = new Map();
    try {
      for (const pair of text.split('&')) {
        if (pair === '') continue;
        if (pair.includes(';')) return null;
        const at = pair.indexOf('=');
        const name = decode(at < 0 ? pair : pair.slice(0, at));
        if (found.has(name)) return null;
        found.set(name, at < 0 ? '' : decode(pair.slice(at + 1)));
      }
    } catch {
      return null;
    }
    return found;
  };

  // Returns {section} for a page that has nothing to do or {problem} for a
  // response that cannot be handed on, else {fields}: a Map of what to post.
  DSS.readResponse = (fragment, query) => {
    const given = pairs(fragment);
    const asked = pairs(query);
    if (!given || !asked) return { problem: 'malformed' };
    const present = kinds.filter((name) => given.has(name));
    if (present.length === 0 && !given.has('state')) return { section: 'nothing' };
    if (!given.get('state')) return { problem: 'no_state' };
    if (present.length !== 1) return { problem: 'malformed' };
    if (names.some((name) => given.has(name) && asked.has(name))) return { problem: 'malformed' };
    if (!given.get(present[0])) return { problem: 'malformed' };
    if (present[0] !== 'error' && !secret.test(given.get(present[0]))) return { problem: 'malformed' };
    const fields = new Map();
    for (const name of [...names, 'scope']) if (given.get(name)) fields.set(name, given.get(name));
    return { fields };
  };
})();

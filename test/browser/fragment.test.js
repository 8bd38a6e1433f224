// The reading of a fragment, fuzzed: what response.js accepts is held against
// the platform's own form decoder. Inputs grow out of corpus/fragments.txt by
// mutation; put an input that failed there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const file = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const context = vm.createContext({});
vm.runInContext(file('../../internal/web/static/response.js'), context);
const read = (fragment, query = '') => context.DSS.readResponse(fragment, query);

const corpus = file('corpus/fragments.txt').split('\n').slice(0, -1);
const kinds = ['access_token', 'code', 'error'];
const names = ['state', ...kinds, 'expires', 'error_description'];

// A pseudo-random sequence (Marsaglia's xorshift32), the same in every run.
const sequence = (seed) => () => {
  seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5;
  return (seed >>> 0) / 2 ** 32;
};

const below = (random, n) => Math.floor(random() * n);
const tokens = ['&', '=', '%', '+', ';', '#', '\0', '%00', '%26', '%3D', '\u{1F600}', '\ud800', ...names];

const mutations = [
  (text, random) => text.slice(0, below(random, text.length + 1)),
  (text, random) => text.slice(below(random, text.length + 1)),
  (text, random) => {
    const at = below(random, text.length + 1);
    return text.slice(0, at) + tokens[below(random, tokens.length)] + text.slice(at);
  },
  (text, random) => {
    const at = below(random, text.length + 1);
    return text.slice(0, at) + String.fromCharCode(below(random, 256)) + text.slice(at + 1);
  },
  (text, random) => text + '&' + corpus[below(random, corpus.length)],
  (text, random) => text.split('&').sort(() => random() - 0.5).join('&'),
];

const check = (fragment, query) => {
  const result = read(fragment, query);
  const [form, ...others] = Object.keys(result);
  assert.deepEqual(others, []);
  if (form === 'section') return assert.equal(result.section, 'nothing');
  if (form === 'problem') return assert.ok(['malformed', 'no_state'].includes(result.problem));
  assert.equal(form, 'fields');

  const standard = new URLSearchParams('?' + fragment);
  const asked = new URLSearchParams('?' + query);
  const { fields } = result;
  assert.equal(kinds.filter((name) => fields.has(name)).length, 1, 'one response');
  assert.ok(fields.get('state'), 'a key');
  for (const [name, value] of fields) {
    assert.ok(names.includes(name), 'a name that is posted: ' + name);
    assert.deepEqual(standard.getAll(name), [value], name + ' as the platform decodes it, once');
    assert.ok(!asked.has(name), name + ' not in the query too');
  }
  for (const name of ['access_token', 'code']) {
    if (!fields.has(name)) continue;
    assert.match(fields.get(name), /^[!-~]{1,4096}$/, name + ' is printable');
    assert.doesNotMatch(fields.get(name), /%[0-9a-f]{2}/i, name + ' was encoded once');
  }
};

test('every fragment of the corpus is read as it should be', () => {
  for (const fragment of corpus) check(fragment, '');
  assert.deepEqual([...read(corpus[0]).fields.keys()], ['state', 'access_token', 'expires']);
  for (const order of [0, 1, 2]) assert.ok(read(corpus[order]).fields.has('access_token'));
  assert.equal(read(corpus[6]).problem, 'malformed');
});

// The server's test reads the same file.
test('tokens and codes are read as the server reads them', () => {
  for (const line of file('corpus/tokens.txt').split('\n').slice(0, -1)) {
    const [verdict, value] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    for (const name of ['access_token', 'code']) {
      const result = read(`state=0123456789abcdef&${name}=${value}`);
      if (verdict === 'good') assert.equal(result.fields?.get(name), decodeURIComponent(value), line);
      else assert.deepEqual({ ...result }, { problem: 'malformed' }, line);
    }
  }
});

test('mutated fragments never get through half-read', () => {
  const random = sequence(20261124);
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) {
    let fragment = corpus[below(random, corpus.length)];
    for (let n = below(random, 4); n >= 0; n--) fragment = mutations[below(random, mutations.length)](fragment, random);
    fragment = new URL('https://dss.example/#' + fragment).hash.slice(1); // as a browser hands it over
    const query = random() < 0.2 ? corpus[below(random, corpus.length)] : '';
    try {
      check(fragment, query);
    } catch (error) {
      error.message = JSON.stringify({ fragment, query }) + ': ' + error.message;
      throw error;
    }
    if (read(fragment, query).fields) accepted++;
  }
  assert.ok(accepted > 1000, 'mutations that are still good: ' + accepted);
});

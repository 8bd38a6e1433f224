// Starts the server under test and plays the app.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export const binary = fileURLToPath(new URL('../../bin/dss', import.meta.url));

// Starts a server with a sandbox, unless a flag says where Stack Exchange is.
export async function startDSS(...flags) {
  const sandbox = flags.includes('--stackexchange-url') ? [] : ['--sandbox'];
  const child = spawn(binary, ['serve', ...sandbox, '--listen', '127.0.0.1:0', '--store', 'memory:', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => { log += data; });
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => { throw new Error(log); })]);
  const url = /http:\S+/.exec(first[0])[0];
  return {
    url,
    log: () => log,
    async stop() {
      child.kill('SIGTERM');
      const [status] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
      if (status !== 0) throw new Error('the server exited with ' + status + '\n' + log);
    },
  };
}

// Starts a server whose list of apps names redirect URIs of one.
export async function startListing(id, redirectURIs) {
  const folder = await mkdtemp(join(tmpdir(), 'dss-apps-'));
  const list = join(folder, 'apps.toml');
  await writeFile(list, '[[app]]\nclient_id = "' + id + '"\nname = "Acme Inbox"\nauthor = "Acme GmbH"\nredirect_uris = ' +
    JSON.stringify(redirectURIs) + '\n');
  const dss = await startDSS('--apps', list);
  return {
    ...dss,
    async stop() {
      await dss.stop();
      await rm(folder, { recursive: true });
    },
  };
}

// Starts a real store that several servers can share.
export async function startEngine(name) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn('go', ['run', './test/engines/run', name], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [url] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => { throw new Error(name + ' did not start'); })]);
  return {
    url,
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

export const secret = () => randomBytes(32).toString('base64url');
export const s256 = (text) => createHash('sha256').update(text).digest('base64url');

// The first 30 bits of SHA-256 in Crockford base32.
export function matchCode(key) {
  const bits = createHash('sha256').update(key).digest().readUInt32BE(0) >>> 2;
  let code = '';
  for (let shift = 25; shift >= 0; shift -= 5) code += '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[(bits >>> shift) & 31];
  return code.slice(0, 3) + '-' + code.slice(3);
}

export async function claim(dss, key, extra = {}) {
  const query = new URLSearchParams({ key, ...extra });
  const answer = await fetch(dss.url + '/auth/token?' + query);
  return { status: answer.status, ...await answer.json() };
}

// Sends a form to the OAuth server. Node may not know the names below
// localhost, so it goes to the address.
export async function post(dss, path, form) {
  const answer = await fetch('http://127.0.0.1:' + new URL(dss.url).port + path, { method: 'POST', body: new URLSearchParams(form) });
  return { status: answer.status, ...await answer.json() };
}

// A sign-in of an app by the code grant.
export function startCode(dss, redirectURI, extra = {}) {
  const verifier = secret(), state = secret();
  const url = new URL('/oauth/authorize', dss.url);
  const params = {
    response_type: 'code', client_id: '7', redirect_uri: redirectURI, state, scope: 'read_inbox',
    code_challenge: s256(verifier), code_challenge_method: 'S256', ...extra,
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return {
    url: url.href, redirectURI, state, verifier,
    redeem: (code) => post(dss, '/oauth/token', {
      grant_type: 'authorization_code', client_id: '7', code, redirect_uri: redirectURI, code_verifier: verifier,
    }),
  };
}

// An app on this device that listens for the authorization response.
export async function startListener() {
  const responses = [];
  const server = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url, 'http://app');
    if (search) responses.push({ method: request.method, pathname, ...Object.fromEntries(searchParams) });
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>app</title><h1>Back in the app</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    responses,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function signInURL(dss, grant, state, extra = {}) {
  const url = new URL(grant === 'implicit' ? '/sandbox/oauth/dialog' : '/sandbox/oauth', dss.url);
  const params = { client_id: '17', scope: 'read_inbox', redirect_uri: dss.url + '/auth/redirect/17', state, ...extra };
  if (grant === 'code') Object.assign(params, { code_challenge: s256('x'.repeat(43)), code_challenge_method: 'S256' });
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

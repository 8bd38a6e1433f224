// Starts the server under test and plays the app.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const binary = fileURLToPath(new URL('../../bin/dss', import.meta.url));

export async function startDSS(...flags) {
  const child = spawn(binary, ['serve', '--sandbox', '--listen', '127.0.0.1:0', '--store', 'memory:', ...flags],
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

export function signInURL(dss, grant, state, extra = {}) {
  const url = new URL(grant === 'implicit' ? '/sandbox/oauth/dialog' : '/sandbox/oauth', dss.url);
  const params = { client_id: '17', scope: 'read_inbox', redirect_uri: dss.url + '/auth/redirect/17', state, ...extra };
  if (grant === 'code') Object.assign(params, { code_challenge: s256('x'.repeat(43)), code_challenge_method: 'S256' });
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

// A page that is prerendered deposits only once it is shown. A browser that
// is driven by a debugger does not prerender, and neither does Firefox, so this
// is a Chromium of its own that a page leads.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { browsers } from './browsers.js';
import { claim, secret, startDSS } from './dss.js';

const startPage = (target) => `<!doctype html><title>start</title>
<script type="speculationrules">${JSON.stringify({ prerender: [{ source: 'list', urls: [target], eagerness: 'immediate' }] })}</script>
<script>fetch('/go').then(() => { location.href = ${JSON.stringify(target)}; });</script>`;

// A proxy in front of dss with a page that prerenders target, and goes there
// when it is told to.
async function startProxy(dss, target) {
  const { hostname, port, host } = new URL(dss.url);
  const held = deferred();
  const prerendered = deferred();
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.url === '/start') {
      outgoing.setHeader('Content-Type', 'text/html');
      return outgoing.end(startPage(target));
    }
    if (incoming.url === '/go') {
      await held.promise;
      return outgoing.end();
    }
    const headers = { ...incoming.headers, host };
    if (headers.origin) headers.origin = dss.url;
    const purpose = incoming.headers['sec-purpose'] || '';
    const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
      // The page's last script is what would deposit.
      if (purpose.includes('prerender') && incoming.url.includes('handover')) answer.on('end', prerendered.resolve);
    });
    return incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, prerendered: prerendered.promise, go: held.resolve, url: 'http://localhost:' + server.address().port + '/start' };
}

function deferred() {
  const d = {};
  d.promise = new Promise((resolve) => { d.resolve = resolve; });
  return d;
}

test('chromium: a prerendered page deposits only once it is shown', { timeout: 60000 }, async () => {
  const dss = await startDSS('--confirm', 'sessions');
  const key = secret();
  const proxy = await startProxy(dss, '/auth/redirect?code=PRERENDERED&state=' + key);
  const profile = await mkdtemp(join(tmpdir(), 'dss-prerender-'));
  const chromium = spawn(browsers.chromium.executablePath,
    ['--headless=new', '--no-first-run', '--disable-gpu', '--no-sandbox', '--remote-debugging-port=0', '--user-data-dir=' + profile, proxy.url], { stdio: 'ignore' });
  try {
    await proxy.prerendered;
    assert.equal((await claim(dss, key, { wait: '2' })).status, 404);
    proxy.go();
    assert.equal((await claim(dss, key, { wait: '20' })).code, 'PRERENDERED');
  } finally {
    const gone = once(chromium, 'exit');
    chromium.kill('SIGKILL');
    await gone;
    proxy.server.closeAllConnections();
    proxy.server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    await dss.stop();
  }
});

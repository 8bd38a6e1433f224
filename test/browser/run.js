// Runs all tests, several at a time: a file in byEngine once for each engine, the others once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { browsers } from './browsers.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
// A browser keeps more than a core busy. With more jobs, WebKit's driver is too slow to keep its answers.
const jobsPerCore = 1.5;

// The longest first, so that none is left alone at the end.
const byEngine = [
  'oauth', 'result', 'address', 'handover', 'start', 'sight', 'login', 'pages', 'guard', 'twice', 'apps', 'site', 'sandbox',
  'language',
];
const files = readdirSync(folder).filter((file) => file.endsWith('.test.js'));
const whole = files.filter((file) => !byEngine.includes(file.slice(0, -'.test.js'.length)));
const jobs = [
  ...whole.map((file) => ({ file })),
  ...byEngine.flatMap((name) => Object.keys(browsers).reverse().map((engine) => ({ file: name + '.test.js', engine }))),
];

// Runs a job, and reports how it ended.
async function run({ file, engine = '' }) {
  const started = performance.now();
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-timeout=1200000', file],
    { cwd: folder, env: { ...process.env, DSS_TEST_BROWSER: engine }, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const [, tests] = /^ℹ tests (\d+)$/m.exec(output) || [];
  const ok = status === 0;
  console.log([ok ? 'ok' : 'FAIL', file, engine, tests + ' tests', seconds + ' s'].filter(Boolean).join(' '));
  if (!ok) console.log(output);
  return ok;
}

const failed = [];
async function work() {
  for (let job; (job = jobs.shift());) if (!await run(job)) failed.push(job);
}

await Promise.all(Array.from({ length: Math.round(jobsPerCore * availableParallelism()) }, work));

// A browser among many others may miss a bound that is none of ours, so a job
// or two that failed run again, alone, and then count.
if (failed.length <= 2) {
  for (const job of failed.splice(0)) {
    console.log('again, alone:');
    if (!await run(job)) failed.push(job);
  }
}
if (failed.length > 0) process.exitCode = 1;

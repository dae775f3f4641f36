// Makes a checkout ready: npm packages, addon, dist, Python's environment, the Rust peer. Runs before any package is
// installed, so it uses nothing but Node. `--quiet` says nothing when there is nothing to do.
import { fileURLToPath } from 'node:url';
import { takeLock } from './setup/lock.mjs';
import { Progress } from './setup/progress.mjs';
import { writeHalves } from './setup/record.mjs';
import { plan, runSteps } from './setup/schedule.mjs';
import { STEPS } from './setup/steps.mjs';
import { requirePlatform } from './setup/tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const quiet = process.argv.includes('--quiet');
const strict = process.env.CI === 'true' || process.env.CI === '1';
const progress = new Progress();

try {
  requirePlatform();
  const release = await takeLock(root, (pid) =>
    progress.say(`waiting for the set-up that already runs here (pid ${pid})`),
  );
  const { halves, planned } = await plan(root, STEPS, strict);
  await runSteps(root, planned, progress);
  writeHalves(root, halves);
  for (const [half, reason] of Object.entries(halves))
    if (reason) progress.say(`the ${half} peer is left out: ${reason}`);
  if (!quiet) progress.say('everything is up to date');
  release();
} catch (error) {
  progress.say(error.message);
  const { advice, tail } = error.cause ?? error;
  if (advice) progress.say(`to get it: ${advice}`);
  if (tail) process.stderr.write(`${tail.replace(/^/gm, '  ')}\n`);
  if (!advice && !tail) process.stderr.write(`${(error.cause ?? error).stack}\n`);
  process.exitCode = 1;
}

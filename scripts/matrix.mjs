// `npm run matrix`: the Node tests on the other Node versions, which come from npm when they are first needed. One line a version.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailed, run } from './setup/command.mjs';
import { readHalves } from './setup/record.mjs';
import { findNpm } from './setup/tools.mjs';
import { countVitest } from './test/counts.mjs';
import { judge } from './test/verdict.mjs';

const MAJORS = [22, 24];
const root = fileURLToPath(new URL('..', import.meta.url));
const halves = readHalves(root);
const leftOut = Object.keys(halves).filter((half) => halves[half]);

/** The program of a Node version, installed into a folder of its own. */
async function installNode(major) {
  const folder = join(root, 'node_modules/.cache/arrowlab/node', String(major));
  const name = `node-linux-${process.arch}`;
  const node = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(node)) return node;
  const npm = findNpm();
  await run(
    npm.command,
    [...npm.args, 'install', '--prefix', folder, '--no-save', '--ignore-scripts', `${name}@${major}`],
    { cwd: root },
  );
  return node;
}

/** Runs vitest on a Node; what the tests start by the name `node` is that version, too. */
async function testOn(node) {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-matrix-'));
  const results = join(folder, 'vitest.json');
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
  };
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
  ];
  try {
    const failure = await run(node, args, { cwd: root, env }).then(
      () => undefined,
      (error) => error,
    );
    if (failure && !existsSync(results)) throw failure;
    const count = countVitest(readFileSync(results, 'utf8'));
    return { failure, ...judge({ name: 'vitest', exitCode: failure ? 1 : 0, count, isPartial: leftOut.length > 0 }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const major of MAJORS) {
  try {
    const node = await installNode(major);
    const version = (await run(node, ['--version'])).trim();
    const { passed, failed, notes, failure } = await testOn(node);
    console.log([`Node ${version}: ${passed} passed, ${failed} failed`, ...notes].join('; '));
    if (failure) console.error(failure.tail);
    if (failed > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.error(`Node ${major}: ${error.message}\n${error.tail}`);
    process.exitCode = 1;
  }
}

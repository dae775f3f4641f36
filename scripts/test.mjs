// `npm test`: linters, then the tests of all three languages; all of them run, whatever fails. Ends with `N passed, N failed`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readHalves } from './setup/record.mjs';
import { close } from './test/close.mjs';
import { lint } from './test/lint.mjs';
import { show } from './test/show.mjs';
import { SUITES } from './test/suites.mjs';
import { judge } from './test/verdict.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const halves = readHalves(root);
const leftOut = Object.keys(halves).filter((half) => halves[half]);

async function runSuite({ name, command, count }) {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-test-'));
  try {
    console.log(`\n── ${name}`);
    const { exitCode, stdout } = await show(command(folder), { cwd: root, keep: true });
    const isPartial = leftOut.length > 0;
    try {
      return judge({ name, exitCode, count: count({ folder, stdout }), isPartial });
    } catch (error) {
      return judge({ name, error, isPartial });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const verdicts = await lint(root, halves);
for (const suite of SUITES) if (!leftOut.includes(suite.half)) verdicts.push(await runSuite(suite));
close(verdicts, halves);

// Before `npm pack`: Python's wheel, from python-peer/ into python/, which the tarball carries. Needs what set-up installs, no network.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailed, run } from '../setup/command.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = join(root, 'python-peer/.venv/bin/python');

/** Builds the wheel and makes it the only one in python/. The same sources make the same bytes. */
async function buildWheel() {
  if (!existsSync(python))
    throw new Error(
      `expected the environment of set-up at ${python}, found none: install Python >= 3.11, run \`npm run setup\``,
    );
  const folder = join(root, 'python');
  mkdirSync(folder, { recursive: true });
  const unfinished = mkdtempSync(join(folder, '.unfinished-'));
  try {
    await run(python, ['-m', 'hatchling', 'build', '--target', 'wheel', '--directory', unfinished], {
      cwd: join(root, 'python-peer'),
    });
    const [wheel] = readdirSync(unfinished);
    renameSync(join(unfinished, wheel), join(folder, wheel));
    for (const name of readdirSync(folder)) if (name !== wheel && name.endsWith('.whl')) rmSync(join(folder, name));
  } finally {
    rmSync(unfinished, { recursive: true });
  }
}

try {
  await buildWheel();
} catch (error) {
  console.error(`pack: ${error.message}`);
  if (error instanceof CommandFailed) console.error(error.tail);
  process.exitCode = 1;
}

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './command.mjs';

// Beside dist, not in it: relative paths in the source maps have to fit both.
const UNFINISHED = 'dist.next';

/**
 * Compiles src to dist. A process that runs from dist meanwhile finds whole files at all times: what changed is renamed
 * into place, what has no source any more is removed, the rest is left alone.
 */
export async function buildDist(root, signal) {
  const from = join(root, UNFINISHED);
  const to = join(root, 'dist');
  rmSync(from, { recursive: true, force: true });
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmitOnError', '--outDir', UNFINISHED], {
    cwd: root,
    signal,
  });
  const made = filesIn(from);
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const path of Object.values(bin)) chmodSync(join(from, path.replace(/^dist\//, '')), 0o755);
  for (const path of made) place(join(from, path), join(to, path));
  for (const path of existsSync(to) ? filesIn(to) : []) if (!made.includes(path)) rmSync(join(to, path));
  rmSync(from, { recursive: true });
}

function place(from, to) {
  if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) return;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders inside an input that are themselves outputs. */
const OUTPUTS = new Set([
  'build',
  'target',
  'node_modules',
  '.venv',
  '__pycache__',
  '.pytest_cache',
  '.ruff_cache',
  '.hypothesis',
]);

/** A step's stamp: what its output was made from. It lies inside that output, so that both go together. */
export class Stamp {
  #path;
  #hash;

  /**
   * @param inputs files and folders that the output depends on, from `root`; what does not exist counts as empty
   * @param only which files of these count
   * @param settings everything else that the output depends on
   */
  constructor(root, { output, inputs, only = /^/ }, settings) {
    this.#path = join(root, output, '.setup-stamp');
    const hash = createHash('sha256').update(JSON.stringify(settings));
    for (const input of inputs)
      for (const path of filesIn(root, input).filter((name) => only.test(name)))
        hash.update(`${path}\0`).update(
          createHash('sha256')
            .update(readFileSync(join(root, path)))
            .digest(),
        );
    this.#hash = hash.digest('hex');
  }

  isCurrent() {
    return existsSync(this.#path) && readFileSync(this.#path, 'utf8') === this.#hash;
  }

  /** Until `write`, the output counts as unfinished. */
  remove() {
    rmSync(this.#path, { force: true });
  }

  write() {
    writeFileSync(this.#path, this.#hash);
  }
}

function filesIn(root, path) {
  const stats = statSync(join(root, path), { throwIfNoEntry: false });
  if (!stats) return [];
  if (!stats.isDirectory()) return [path];
  return readdirSync(join(root, path))
    .filter((name) => !OUTPUTS.has(name))
    .sort()
    .flatMap((name) => filesIn(root, join(path, name)));
}

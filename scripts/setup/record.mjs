import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const pathIn = (root) => join(root, 'node_modules/.cache/arrowlab/halves.json');

/**
 * Writes down which halves exist: `{ python: null | reason, rust: null | reason }`, where a reason says why it was left out.
 * `alab doctor` reads it, too.
 */
export function writeHalves(root, halves) {
  mkdirSync(dirname(pathIn(root)), { recursive: true });
  writeFileSync(pathIn(root), `${JSON.stringify(halves)}\n`);
}

/** What the last set-up wrote down. Throws when there was none. */
export function readHalves(root) {
  try {
    return JSON.parse(readFileSync(pathIn(root), 'utf8'));
  } catch (cause) {
    throw new Error('expected a finished set-up, found none: run `npm run setup`', { cause });
  }
}

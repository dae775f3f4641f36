import { accessSync, constants, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { ArrowlabError } from '../../errors.js';

/** Ends of names that promise another format than those that are written. */
const OTHER_FORMATS = ['.parquet', '.feather', '.csv', '.tsv', '.json', '.jsonl', '.ndjson', '.gz', '.zst'];

/** What a name promises that is not written; undefined where it promises nothing else. */
export function otherFormatOf(path: string): string | undefined {
  const extension = extname(path).toLowerCase();
  return OTHER_FORMATS.includes(extension) ? extension : undefined;
}

/**
 * Looks at once whether a file can be written there, which else would show when the input has come.
 * @throws INVALID_ARGUMENT naming the folder where it cannot.
 */
export function checkOutputPath(path: string): void {
  if (path === '') throw invalid('the name of a file', 'none');
  const folder = dirname(path);
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory() || path.endsWith('/')) throw invalid('the name of a file', `a folder, ${path}`);
    // A pipe or a device is written where it is.
    if (!there || there.isFile()) accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (cause instanceof ArrowlabError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? `no folder ${folder}: make it first` : message;
    throw invalid('a file in a folder that can be written', found, cause);
  }
}

const invalid = (expected: string, found: string, cause?: unknown) =>
  new ArrowlabError('INVALID_ARGUMENT', `expected --output as ${expected}, found ${found}`, { cause });

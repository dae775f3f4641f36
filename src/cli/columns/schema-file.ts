import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { describeSchema, type ParsedSchema } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import { readIpc } from '../../ipc/index.js';
import { schemaOfJson } from './schema-json.js';

/**
 * The schema of a file: of an Arrow IPC file or stream its own, or what its JSON says.
 * @throws INVALID_ARGUMENT when it is neither, or cannot be read; IPC_INVALID.
 */
export function readSchemaFile(path: string): ParsedSchema {
  const fd = read(path, () => openSync(path, 'r'));
  try {
    const source = read(path, () => sourceOf(fd));
    const text = read(path, () => jsonText(source));
    return text === undefined ? readIpc(source).schema : describeSchema(schemaOfJson(text, path));
  } finally {
    closeSync(fd);
  }
}

/** Of an Arrow file, which may be long, only the schema is read; what is no regular file, such as a pipe, can be read but once. */
const sourceOf = (fd: number): number | Buffer => (fstatSync(fd).isFile() ? fd : readFileSync(fd));

function read<T>(path: string, what: () => T): T {
  try {
    return what();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const found = code === 'EISDIR' ? `a folder, ${path}` : message;
    throw new ArrowlabError('INVALID_ARGUMENT', `expected --schema as a file that can be read, found ${found}`, {
      cause,
    });
  }
}

/** Undefined for Arrow's formats, which begin with bytes that JSON does not. */
function jsonText(source: number | Buffer): string | undefined {
  if (!/^\s*[{["]/.test(beginning(source))) return undefined;
  return typeof source === 'number' ? readFileSync(source, 'utf8') : source.toString('utf8');
}

function beginning(source: number | Buffer): string {
  const first = Buffer.alloc(64);
  const byteLength =
    typeof source === 'number' ? readSync(source, first, 0, first.length, 0) : source.copy(first, 0, 0, first.length);
  return first.toString('latin1', 0, byteLength);
}

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { describeSchema, type ParsedSchema } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import { readIpc } from '../../ipc/index.js';
import { schemaOfJson } from './schema-json.js';

/**
 * The schema of a file: of an Arrow IPC file or stream its own, or what its JSON says.
 * @throws INVALID_ARGUMENT when it is neither, or cannot be read; IPC_INVALID.
 */
export function readSchemaFile(path: string): ParsedSchema {
  const fd = open(path);
  try {
    return isJson(fd) ? describeSchema(schemaOfJson(readFileSync(path, 'utf8'), path)) : readIpc(fd).schema;
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    const found = (cause as Error).message;
    throw new ArrowlabError('INVALID_ARGUMENT', `expected --schema as a file that can be read, found ${found}`, {
      cause,
    });
  }
}

/** Arrow's formats begin with bytes that JSON does not. */
function isJson(fd: number): boolean {
  const first = Buffer.alloc(64);
  return /^\s*[{["]/.test(first.toString('latin1', 0, readSync(fd, first, 0, first.length, 0)));
}

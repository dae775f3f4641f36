import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { ArrowlabError } from '../../errors.js';

const CHUNK_BYTES = 2 ** 18;

/**
 * The bytes of a file or, as `-`, of standard input, in chunks as they come: no more of them is read than is asked for. Aborting the signal
 * ends them with an error.
 * @throws INVALID_ARGUMENT when they cannot be read.
 */
export async function* chunksOf(path: string, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  addAbortSignal(signal, stream);
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    signal.throwIfAborted();
    const { code, message } = cause as NodeJS.ErrnoException;
    const found = code === 'EISDIR' ? `a folder, ${path}` : message;
    throw new ArrowlabError('INVALID_ARGUMENT', `expected --input as a file that can be read, found ${found}`, {
      cause,
    });
  }
}

import { fstatSync } from 'node:fs';
import { type BufferSource, DerivedBuffer, MemoryBuffer } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { BufferRange } from './batch-header.js';
import type { Placing } from './message.js';
import { readExactly, type Sink } from './sink.js';

/** Where the bytes of an IPC stream or file lie. Positions are from its beginning. */
export interface IpcSource {
  readonly byteLength: number;
  /** Bytes to look at; the range lies inside. */
  read(position: number, byteLength: number): Uint8Array;
  /** A part that is read when its bytes are asked for. */
  buffer(position: number, byteLength: number): BufferSource;
  /** Puts a part into a sink with no copy in between. */
  placeInto(sink: Sink, offset: number, position: number, byteLength: number): void;
}

/**
 * @throws INVALID_ARGUMENT when `source` is neither bytes nor a descriptor of a regular file (a pipe cannot be read by position),
 * SYSTEM when the descriptor is not open.
 */
export function ipcSource(source: number | Uint8Array): IpcSource {
  if (typeof source === 'number') return fileSource(source);
  if (source instanceof Uint8Array) return memorySource(source);
  throw new ArrowlabError('INVALID_ARGUMENT', `expected a file descriptor or a Uint8Array, found ${typeof source}`);
}

function memorySource(bytes: Uint8Array): IpcSource {
  const read = (position: number, byteLength: number) => bytes.subarray(position, position + byteLength);
  return {
    byteLength: bytes.byteLength,
    read,
    buffer: (position, byteLength) => new MemoryBuffer(read(position, byteLength)),
    placeInto: (sink, offset, position, byteLength) => sink.write(offset, read(position, byteLength)),
  };
}

function fileSource(fd: number): IpcSource {
  const read = (position: number, byteLength: number) => {
    const bytes = new Uint8Array(byteLength);
    readExactly(fd, position, bytes);
    return bytes;
  };
  return {
    byteLength: fileByteLength(fd),
    read,
    buffer: (position, byteLength) => new DerivedBuffer(byteLength, () => read(position, byteLength)),
    placeInto: (sink, offset, position, byteLength) => sink.readFrom(fd, position, offset, byteLength),
  };
}

function fileByteLength(fd: number): number {
  const stats = statOf(fd);
  if (stats.isFile()) return stats.size;
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `expected file descriptor ${fd} to be a regular file, found a pipe, socket or device, which cannot be read by position: give a file or its bytes`,
  );
}

function statOf(fd: number) {
  try {
    return fstatSync(fd);
  } catch (cause) {
    throw new ArrowlabError('SYSTEM', `expected an open file descriptor, found ${fd}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Puts a body's buffers in place; those that lie as far apart in the source as in the message go in one piece. */
export function placing(source: IpcSource, bodyPosition: number, buffers: readonly BufferRange[]): Placing {
  return (sink, ranges) => {
    let piece: { offset: number; position: number; byteLength: number } | undefined;
    const flush = () => piece && source.placeInto(sink, piece.offset, piece.position, piece.byteLength);
    for (const [index, { offset, byteLength }] of ranges.entries()) {
      if (byteLength === 0) continue;
      const position = bodyPosition + buffers[index]!.offset;
      if (piece && position - piece.position === offset - piece.offset) {
        piece.byteLength = position + byteLength - piece.position;
      } else {
        flush();
        piece = { offset, position, byteLength };
      }
    }
    flush();
  };
}

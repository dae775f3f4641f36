import { readSync } from 'node:fs';
import { bytesOf } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';

/** Where a message is written: an extent of a region, or heap bytes for inline ones. Offsets are relative to the message. */
export interface Sink {
  /** Copies all of `bytes` to `offset`. */
  write(offset: number, bytes: ArrayBufferView): void;
  /** Reads exactly `byteLength` bytes of a file from `position` on straight to `offset`. */
  readFrom(fd: number, position: number, offset: number, byteLength: number): void;
}

/** A sink of `byteLength` zeroed bytes on the heap; whoever made it owns `bytes`. */
export const heapSink = (byteLength: number): BytesSink => bytesSink(new Uint8Array(byteLength));

type BytesSink = Sink & { readonly bytes: Uint8Array<ArrayBuffer> };

/** A sink over `bytes`, which stay the caller's. Padding keeps what was there before. */
export function bytesSink(bytes: Uint8Array<ArrayBuffer>): BytesSink {
  return {
    bytes,
    write: (offset, source) => bytes.set(bytesOf(source), offset),
    readFrom: (fd, position, offset, length) => readExactly(fd, position, bytes.subarray(offset, offset + length)),
  };
}

/**
 * Fills `target` from `position` of a file.
 * @throws IPC_INVALID when the file ends before, SYSTEM when it cannot be read.
 */
export function readExactly(fd: number, position: number, target: Uint8Array): void {
  for (let done = 0; done < target.byteLength; ) {
    const count = readAt(fd, target, done, position + done);
    if (count === 0) {
      const expected = `expected ${target.byteLength} bytes from byte ${position} on`;
      throw new ArrowlabError(
        'IPC_INVALID',
        `${expected}, found the file's end after ${done}: it was cut off meanwhile`,
      );
    }
    done += count;
  }
}

/** One read(2) takes at most this much. */
const MAX_READ_BYTES = 2 ** 30;

function readAt(fd: number, target: Uint8Array, done: number, position: number): number {
  try {
    return readSync(fd, target, done, Math.min(target.byteLength - done, MAX_READ_BYTES), position);
  } catch (cause) {
    throw new ArrowlabError(
      'SYSTEM',
      `file descriptor ${fd} cannot be read at byte ${position}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

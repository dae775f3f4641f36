import { writeSync } from 'node:fs';
import { type ArrayNode, bytesOf, type RecordBatchLike, type SchemaLike, type TableLike } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { StreamEncoder } from './encoder.js';
import type { OutgoingMessage } from './message.js';
import { CONTINUATION } from './metadata.js';
import { readExactly, type Sink } from './sink.js';

/**
 * Writes a stream of record batches as the bytes of an Arrow IPC stream, padding included, to a file descriptor (a file, a pipe, a
 * blocking socket) in order. The caller owns the descriptor and closes it.
 */
export class StreamWriter {
  readonly #fd: number;
  readonly #encoder: StreamEncoder;

  /** Writes the schema. @throws SYSTEM, TABLE_UNRECOGNISED */
  constructor(fd: number, schema: SchemaLike) {
    this.#fd = fd;
    this.#encoder = new StreamEncoder(schema);
    writeMessage(fd, this.#encoder.schemaMessage);
  }

  /** @throws SYSTEM, and what `StreamEncoder.encode` throws. */
  write(data: TableLike | RecordBatchLike): void {
    for (const message of this.#encoder.encode(data)) writeMessage(this.#fd, message);
  }

  /** As `write`, of columns that are filled. */
  writeColumns(columns: readonly ArrayNode[], rows: number): void {
    for (const message of this.#encoder.encodeColumns(columns, rows)) writeMessage(this.#fd, message);
  }

  /** Writes the end-of-stream marker. */
  end(): void {
    writeAll(this.#fd, endOfStream());
  }
}

/** The end-of-stream marker. */
export const endOfStream = (): Uint8Array => new Uint8Array(Uint32Array.of(CONTINUATION, 0).buffer);

/** Writes one message's bytes to where a descriptor stands. @throws SYSTEM */
export function writeMessage(fd: number, message: OutgoingMessage): void {
  const sink = new DescriptorSink(fd);
  message.placeInto(sink);
  sink.padTo(message.byteLength);
}

/** Takes what is written in order of offsets, and fills the gaps with zeros. */
class DescriptorSink implements Sink {
  readonly #fd: number;
  #position = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(offset: number, bytes: ArrayBufferView): void {
    this.padTo(offset);
    writeAll(this.#fd, bytesOf(bytes));
    this.#position += bytes.byteLength;
  }

  readFrom(fd: number, position: number, offset: number, byteLength: number): void {
    const chunk = new Uint8Array(Math.min(byteLength, 2 ** 20));
    for (let done = 0; done < byteLength; done += chunk.byteLength) {
      const piece = chunk.subarray(0, byteLength - done);
      readExactly(fd, position + done, piece);
      this.write(offset + done, piece);
    }
  }

  padTo(offset: number): void {
    if (offset > this.#position) writeAll(this.#fd, new Uint8Array(offset - this.#position));
    this.#position = Math.max(this.#position, offset);
  }
}

/** Writes all of `bytes` to where a descriptor stands. @throws SYSTEM */
export function writeAll(fd: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, 2 ** 30));
    }
  } catch (cause) {
    throw new ArrowlabError('SYSTEM', `file descriptor ${fd} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

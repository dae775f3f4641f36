import { ArrowlabError } from '../errors.js';

/**
 * The bytes of one buffer, fetched when they are asked for: a view of memory that lies there already, or made on demand
 * (shifted, rebased, read from a file), so that sizing a message copies nothing.
 */
export interface BufferSource {
  readonly byteLength: number;
  /** Where in its message's body it lies already, for a buffer of a batch in place. */
  readonly bodyOffset?: number;
  /** `byteLength` bytes. They belong to whoever made the source: read them, do not write or keep them. */
  bytes(): Uint8Array;
}

export const EMPTY_BUFFER: BufferSource = { byteLength: 0, bytes: () => new Uint8Array(0) };

/** Bytes that lie in memory already. */
export class MemoryBuffer implements BufferSource {
  /** As it was at first: `bytes` gives none once the memory was given back, which has to show. */
  readonly byteLength: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.byteLength = bytes.byteLength;
    this.#bytes = bytes;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** Bytes that are made anew each time they are asked for, and held by nobody in between; none once the memory they are made from was given back. */
export class DerivedBuffer implements BufferSource {
  readonly byteLength: number;
  readonly #derive: () => Uint8Array;
  readonly #source: ArrayBufferView | undefined;
  readonly #sourceByteLength: number;

  /** `source`: what is read to make them, where its absence would not show in how many there are. */
  constructor(byteLength: number, derive: () => Uint8Array, source?: ArrayBufferView) {
    this.byteLength = byteLength;
    this.#derive = derive;
    this.#source = source;
    this.#sourceByteLength = source?.byteLength ?? 0;
  }

  bytes(): Uint8Array {
    const isGone = this.#source && this.#source.byteLength !== this.#sourceByteLength;
    return isGone ? EMPTY_BUFFER.bytes() : this.#derive();
  }
}

/** The first `byteLength` bytes of a buffer. */
export function head(buffer: BufferSource, byteLength: number): BufferSource {
  if (buffer.byteLength === byteLength) return buffer;
  if (byteLength === 0) return EMPTY_BUFFER;
  return new DerivedBuffer(byteLength, () => buffer.bytes().subarray(0, byteLength));
}

/** RELEASED, where memory is not there any more. */
export const releasedError = (found: string, cause?: unknown): ArrowlabError =>
  new ArrowlabError(
    'RELEASED',
    `expected memory that is still there, found ${found}: the batch or table was released, or its table cleared, before it was written`,
    { cause },
  );

/** The bytes of any view. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

import { ArrowlabError } from '../../errors.js';

/**
 * What stands in front of each message: its length as a varint, as 4 bytes with the highest or the lowest first, or gRPC's prefix (a byte
 * that says whether the message is compressed, and the length as 4 bytes with the highest first).
 */
export type Framing = 'varint' | 'uint32be' | 'uint32le' | 'grpc';

export interface DelimitedOptions {
  /** Default `varint`. */
  readonly framing?: Framing;
  /** A length above this is an error, before any memory is taken for it. Default 64 MiB. */
  readonly maxMessageBytes?: number;
}

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

const DEFAULT_MAX_MESSAGE_BYTES = 64 << 20;

/** A prefix that has come whole: how long it is, and what it says. */
interface Prefix {
  readonly byteLength: number;
  readonly messageBytes: number;
}

/**
 * The messages in bytes that have all of them. They are views of these bytes.
 * @throws DATA_INVALID with the byte offset, for an end within a message or a length that cannot be.
 */
export function delimitedMessages(
  bytes: Uint8Array,
  options?: DelimitedOptions,
): Generator<Uint8Array, void, undefined>;
/**
 * The messages in chunks as they come (a Node stream is such chunks). What lies in one chunk is a view of it, what does not is put
 * together: no more than a message and a chunk are held. Use a message before asking for the next.
 * @throws DATA_INVALID with the byte offset, for an end within a message or a length that cannot be.
 */
export function delimitedMessages(
  chunks: Chunks,
  options?: DelimitedOptions,
): AsyncGenerator<Uint8Array, void, undefined>;
export function delimitedMessages(
  source: Uint8Array | Chunks,
  { framing = 'varint', maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES }: DelimitedOptions = {},
): Generator<Uint8Array, void, undefined> | AsyncGenerator<Uint8Array, void, undefined> {
  const readPrefix = PREFIXES[framing];
  if (!readPrefix) {
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `framing: expected ${Object.keys(PREFIXES).join(' or ')}, found ${String(framing)}`,
    );
  }
  const splitter = new Splitter(readPrefix, maxMessageBytes);
  return source instanceof Uint8Array ? messagesOf(splitter, source) : messagesOfChunks(splitter, source);
}

/** `byteOffset` is for messages. Undefined while there are too few bytes. */
type PrefixReader = (bytes: Uint8Array, offset: number, byteOffset: number) => Prefix | undefined;

function* messagesOf(splitter: Splitter, bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  yield* splitter.split(bytes);
  splitter.end();
}

async function* messagesOfChunks(splitter: Splitter, chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected chunks of bytes, found ${typeof chunk}: open the stream without an encoding`,
      );
    }
    yield* splitter.split(chunk);
  }
  splitter.end();
}

class Splitter {
  readonly #readPrefix: PrefixReader;
  readonly #maxMessageBytes: number;
  /** The beginning of a message, from its prefix on, in the first `#keptBytes` of a buffer that has room for more. */
  #kept = new Uint8Array(0);
  #keptBytes = 0;
  /** Where the prefix of the next message is in all that came. */
  #byteOffset = 0;

  constructor(readPrefix: PrefixReader, maxMessageBytes: number) {
    this.#readPrefix = readPrefix;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The messages that end in this chunk. */
  *split(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let offset = 0;
    while (this.#keptBytes > 0) {
      const prefix = this.#prefix(this.#kept.subarray(0, this.#keptBytes), 0);
      const needed = prefix ? prefix.byteLength + prefix.messageBytes - this.#keptBytes : 1;
      if (needed > 0) {
        const taken = chunk.subarray(offset, offset + needed);
        if (taken.length === 0) return;
        this.#keep(taken, prefix ? needed : 0);
        offset += taken.length;
        continue;
      }
      const message = this.#kept.subarray(prefix!.byteLength, this.#keptBytes);
      this.#byteOffset += this.#keptBytes;
      // The message belongs to whoever takes it.
      this.#kept = new Uint8Array(0);
      this.#keptBytes = 0;
      yield message;
    }
    while (offset < chunk.length) {
      const prefix = this.#prefix(chunk, offset);
      const end = prefix ? offset + prefix.byteLength + prefix.messageBytes : Number.POSITIVE_INFINITY;
      if (end > chunk.length) {
        this.#keep(chunk.subarray(offset), 0);
        return;
      }
      const start = offset + prefix!.byteLength;
      this.#byteOffset += end - offset;
      offset = end;
      yield chunk.subarray(start, end);
    }
  }

  /** @throws DATA_INVALID when a message has begun. */
  end(): void {
    if (this.#keptBytes === 0) return;
    const prefix = this.#prefix(this.#kept.subarray(0, this.#keptBytes), 0);
    const expected = prefix ? `a message of ${prefix.messageBytes} bytes` : 'the length of a message';
    const found = prefix ? this.#keptBytes - prefix.byteLength : this.#keptBytes;
    throw invalid(this.#byteOffset, expected, `the end after ${found} bytes of it`);
  }

  #prefix(bytes: Uint8Array, offset: number): Prefix | undefined {
    const prefix = this.#readPrefix(bytes, offset, this.#byteOffset);
    if (prefix && prefix.messageBytes > this.#maxMessageBytes) {
      const expected = `a message of at most ${this.#maxMessageBytes} bytes (maxMessageBytes)`;
      throw invalid(this.#byteOffset, expected, `a length of ${prefix.messageBytes}`);
    }
    return prefix;
  }

  /** The buffer grows with what has come, at least twofold: a length alone takes no memory. `expected`: bytes to come of the message. */
  #keep(bytes: Uint8Array, expected: number): void {
    const byteLength = this.#keptBytes + bytes.length;
    if (byteLength > this.#kept.length) {
      const grown = new Uint8Array(Math.max(byteLength, Math.min(2 * byteLength, this.#keptBytes + expected)));
      grown.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#keptBytes);
    this.#keptBytes = byteLength;
  }
}

const PREFIXES: Record<Framing, PrefixReader> = {
  varint(bytes, offset, byteOffset) {
    let messageBytes = 0;
    for (let i = 0; offset + i < bytes.length; i++) {
      if (i === 10) throw invalid(byteOffset, 'a length as a varint', 'more than 10 bytes of one');
      const byte = bytes[offset + i]!;
      messageBytes += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { byteLength: i + 1, messageBytes };
    }
    return undefined;
  },
  uint32be: (bytes, offset) => fixedPrefix(bytes, offset, 4, (view) => view.getUint32(0)),
  uint32le: (bytes, offset) => fixedPrefix(bytes, offset, 4, (view) => view.getUint32(0, true)),
  grpc(bytes, offset, byteOffset) {
    const flag = bytes[offset];
    if (flag === 1)
      throw invalid(byteOffset, 'a message that is not compressed', 'a compressed one: decompress it first');
    if (flag !== undefined && flag !== 0) throw invalid(byteOffset, 'the prefix of a gRPC message', `the byte ${flag}`);
    return fixedPrefix(bytes, offset, 5, (view) => view.getUint32(1));
  },
};

function fixedPrefix(
  bytes: Uint8Array,
  offset: number,
  byteLength: number,
  read: (view: DataView) => number,
): Prefix | undefined {
  if (offset + byteLength > bytes.length) return undefined;
  return { byteLength, messageBytes: read(new DataView(bytes.buffer, bytes.byteOffset + offset, byteLength)) };
}

const invalid = (byteOffset: number, expected: string, found: string) =>
  new ArrowlabError('DATA_INVALID', `byte ${byteOffset}: expected ${expected}, found ${found}`);

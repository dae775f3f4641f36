import { ArrowlabError } from '../errors.js';
import {
  type OutgoingMessage,
  type RecordBatchLike,
  readIpc,
  type SchemaLike,
  StreamEncoder,
  type TableLike,
} from '../ipc/index.js';
import type { Holder } from '../region/index.js';
import type { Endpoint } from './endpoint.js';
import type { Outlet } from './outlet.js';
import { PlacedMessage } from './placed.js';

export interface PublishOptions {
  /**
   * What a late subscriber gets beside the schema and the live dictionaries: nothing, the last batch, or all batches.
   * With 'none' the first write waits for a subscriber. Default 'none'.
   */
  retain?: 'none' | 'latest' | 'all' | undefined;
  /** What a subscriber without credit does to the others: 'block' makes the writer wait, 'drop' leaves batches out for that subscriber. Default 'block'. */
  slow?: 'block' | 'drop' | undefined;
}

export interface WriteOptions {
  /** Gives the write up while it waits for a subscriber, for room or for memory. */
  signal?: AbortSignal | undefined;
}

/** A stream that this endpoint produces under a name, for any number of subscribers: each message is written once. */
export class PublishedStream implements Holder {
  readonly holder: string;
  readonly sinceMs = performance.now();
  /** Record batches written so far. */
  batches = 0;
  /** Bytes of all messages written so far. */
  writtenBytes = 0;

  readonly #endpoint: Endpoint;
  readonly #encoder: StreamEncoder | undefined;
  readonly #retain: NonNullable<PublishOptions['retain']>;
  readonly #slow: NonNullable<PublishOptions['slow']>;
  readonly #outlets = new Set<Outlet>();
  /** What a late subscriber gets, in order. */
  #replay: PlacedMessage[] = [];
  #lastWrite: Promise<unknown> = Promise.resolve();
  #ending: { error: ArrowlabError | undefined } | undefined;
  #subscriberCame!: () => void;
  readonly #hasSubscribed = new Promise<void>((resolve) => {
    this.#subscriberCame = resolve;
  });

  /** Made by `Endpoint.publish`. Without a schema the messages come from `writeMessages` alone. */
  constructor(
    endpoint: Endpoint,
    readonly name: string,
    schema: SchemaLike | undefined,
    options: PublishOptions,
  ) {
    this.#endpoint = endpoint;
    this.#retain = oneOf('retain', options.retain ?? 'none', ['none', 'latest', 'all']);
    this.#slow = oneOf('slow', options.slow ?? 'block', ['block', 'drop']);
    this.holder = `stream ${JSON.stringify(name)}`;
    if (schema) {
      this.#encoder = new StreamEncoder(schema);
      this.#inTurn(() => this.#emit(this.#encoder!.schemaMessage)).catch(() => {});
    }
  }

  get isEnded(): boolean {
    return this.#ending !== undefined;
  }

  get subscribers(): number {
    return this.#outlets.size;
  }

  /**
   * Writes a record batch or a table (each of its batches): one copy into the region, sent to every subscriber. Resolves when it is sent;
   * waits for the first subscriber (retain 'none'), for slow subscribers ('block') and for memory.
   * Throws SCHEMA_MISMATCH, TABLE_UNRECOGNISED, MEMORY_LIMIT, TIMEOUT, ABORTED, CLOSED.
   */
  write(data: TableLike | RecordBatchLike, options: WriteOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#encoder)
        throw new ArrowlabError(
          'INVALID_ARGUMENT',
          'expected a stream with a schema, found one of IPC messages: use writeIpc',
        );
      await this.#subscribed(options.signal);
      for (const message of this.#encoder.encode(data)) await this.#emit(message, options.signal);
    });
  }

  /**
   * Writes an Arrow IPC stream or file, from a file descriptor or bytes, straight into the region, and its schema first: a stream
   * of its own schema. Throws IPC_INVALID, IPC_UNSUPPORTED, and what `write` throws.
   */
  writeIpc(source: number | Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#encoder || this.#replay.length > 0)
        throw new ArrowlabError(
          'INVALID_ARGUMENT',
          'expected a stream published without a schema and nothing written yet, found another',
        );
      await this.#subscribed(options.signal);
      for (const message of readIpc(source).messages()) await this.#emit(message, options.signal);
    });
  }

  /** Ends the stream after what was written. Resolves when every subscriber has been sent its end. */
  end(): Promise<void> {
    return this.#finish(undefined);
  }

  /** Ends the stream with an error: subscribers get STREAM_FAILED with its message. */
  fail(error: Error): Promise<void> {
    return this.#finish(new ArrowlabError('STREAM_FAILED', error.message, { cause: error }));
  }

  /** A subscriber has come: it gets what is retained, then what is written. */
  attach(outlet: Outlet): void {
    outlet.open(0);
    this.#outlets.add(outlet);
    for (const message of this.#replay) outlet.offer(message);
    if (this.#ending) outlet.end(this.#ending.error);
    this.#subscriberCame();
  }

  detach(outlet: Outlet): void {
    this.#outlets.delete(outlet);
  }

  /** The name is taken away: nothing is retained any more, and a stream that has not ended fails. */
  retire(): void {
    if (!this.#ending) {
      this.#ending = {
        error: new ArrowlabError('PRODUCER_GONE', `stream ${JSON.stringify(this.name)} was unpublished before its end`),
      };
      for (const outlet of [...this.#outlets]) outlet.end(this.#ending.error);
      this.#subscriberCame();
    }
    this.#forget(this.#replay);
  }

  async #finish(error: ArrowlabError | undefined): Promise<void> {
    if (error) this.#subscriberCame();
    await this.#inTurn(async () => {
      this.#ending = { error };
      for (const outlet of [...this.#outlets]) outlet.end(error);
    });
    await Promise.all([...this.#outlets].map((outlet) => outlet.room()));
  }

  /** Writes happen one after the other, in the order they were asked for. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastWrite.then(() => {
      this.#checkOpen();
      return work();
    });
    this.#lastWrite = turn.catch(() => {});
    return turn;
  }

  async #subscribed(signal: AbortSignal | undefined): Promise<void> {
    if (this.#retain !== 'none') return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () =>
        reject(
          new ArrowlabError('ABORTED', `the write to ${this.holder} was given up while it waited for a subscriber`, {
            cause: signal?.reason,
          }),
        );
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#hasSubscribed.then(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
    this.#checkOpen();
  }

  async #emit(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    if (this.#slow === 'block') await Promise.all([...this.#outlets].map((outlet) => outlet.room(signal)));
    const { retainedBytes, region } = this.#endpoint;
    if (retainedBytes + message.byteLength > region.maxBytes)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected a message of ${this.holder} to fit beside what is retained, found ${message.byteLength} bytes more than ${retainedBytes} retained, with maxBytes = ${region.maxBytes}: raise maxBytes or retain less`,
      );
    const writer: Holder = { holder: `writer of ${this.holder}`, sinceMs: performance.now() };
    const placed = await PlacedMessage.place(
      message,
      this.#endpoint.region,
      this.#endpoint.inlineBelow,
      writer,
      signal,
    );
    this.writtenBytes += placed.byteLength;
    if (placed.kind === 'batch') this.batches++;
    for (const outlet of this.#outlets) outlet.offer(placed, this.#slow === 'drop');
    this.#remember(placed);
    placed.drop(writer);
  }

  /** Keeps what a late subscriber will need, and lets go what it won't need any more. */
  #remember(placed: PlacedMessage): void {
    if (this.#ending) return;
    const isKept = placed.kind !== 'batch' || this.#retain !== 'none';
    if (isKept) {
      placed.hold(this);
      this.#replay.push(placed);
      this.#endpoint.retainedBytes += placed.byteLength;
    }
    if (this.#retain === 'all') return;
    // The last batch needs the dictionaries it was written with, so 'latest' forgets older ones only when the next batch is there.
    if (this.#retain === 'latest' && placed.kind === 'dictionary') return;
    const isSuperseded = (message: PlacedMessage, at: number): boolean =>
      (message.kind === 'batch' && message !== placed) ||
      (message.kind === 'dictionary' &&
        this.#replay.some(
          (later, i) =>
            i > at && later.kind === 'dictionary' && !later.isDelta && later.dictionaryId === message.dictionaryId,
        ));
    this.#forget(this.#replay.filter(isSuperseded));
  }

  #forget(messages: PlacedMessage[]): void {
    for (const message of messages) {
      message.drop(this);
      this.#endpoint.retainedBytes -= message.byteLength;
    }
    this.#replay = this.#replay.filter((message) => !messages.includes(message));
  }

  #checkOpen(): void {
    if (this.#ending) throw new ArrowlabError('CLOSED', `expected an open stream, found ${this.holder} ended`);
  }
}

function oneOf<T extends string>(what: string, value: T, allowed: T[]): T {
  if (!allowed.includes(value))
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected ${what} to be one of ${allowed.join(', ')}, found ${JSON.stringify(value)}`,
    );
  return value;
}

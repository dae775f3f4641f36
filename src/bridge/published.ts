import { ArrowlabError } from '../errors.js';
import {
  type OutgoingMessage,
  type RecordBatchLike,
  readIpc,
  type SchemaLike,
  StreamEncoder,
  type TableLike,
} from '../ipc/index.js';
import { type Holder, parseByteLength, type Share } from '../region/index.js';
import { Audience } from './audience.js';
import { Breather } from './breather.js';
import type { Endpoint } from './endpoint.js';
import type { Outlet } from './outlet.js';
import { PlacedMessage } from './placed.js';
import { Replay, type Retention } from './replay.js';
import type { StreamStatus, WaitStatus } from './status.js';

export interface PublishOptions {
  /**
   * What a late subscriber gets beside the schema and the live dictionaries: nothing, the last batch, or all batches.
   * With 'none' the first write waits for a subscriber. Default 'none'.
   */
  retain?: Retention | undefined;
  /** What a subscriber without credit does to the others: 'block' makes the writer wait, 'drop' leaves batches out for that subscriber. Default 'block'. */
  slow?: 'block' | 'drop' | undefined;
  /**
   * Bytes of the region that the stream may use whatever other streams hold; two of its batches are enough to go on. Default: a sixteenth of
   * `maxBytes`, less where many streams are open.
   */
  reserveBytes?: number | string | undefined;
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
  /** Rows of these. */
  rows = 0;
  /** Bytes of all messages written so far. */
  writtenBytes = 0;
  /** Subscribers that were sent all of it, released it and are gone. */
  readers = 0;

  readonly #endpoint: Endpoint;
  readonly #encoder: StreamEncoder | undefined;
  readonly #retain: Retention;
  readonly #slow: NonNullable<PublishOptions['slow']>;
  readonly #audience = new Audience();
  readonly #share: Share;
  readonly #replay: Replay;
  readonly #breather = new Breather();
  #lastWrite: Promise<unknown> = Promise.resolve();
  #hasSchema = false;
  #ending: { error: ArrowlabError | undefined } | undefined;

  /** Made by `Endpoint.publish`. Without a schema the messages come from `writeIpc` alone. */
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
    if (schema) this.#encoder = new StreamEncoder(schema);
    // Last of what may throw: a share that nobody closes would keep its reservation.
    const { reserveBytes } = options;
    this.#share = endpoint.region.openShare(this.holder, {
      reservedBytes: reserveBytes === undefined ? undefined : parseByteLength(reserveBytes, 'reserveBytes'),
      isRetaining: this.#retain !== 'none',
    });
    this.#replay = new Replay(this.#retain, this, this.#share);
    if (schema) {
      // At once, for who awaits the schema; where that fails, the first write tries again and says why.
      this.#inTurn(() => this.#emitSchema()).catch(() => {});
    }
  }

  get isEnded(): boolean {
    return this.#ending !== undefined;
  }

  get subscribers(): number {
    return this.#audience.size;
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
      await this.#emitSchema(options.signal);
      await this.#subscribed(options.signal);
      for (const message of this.#encoder.encode(data)) await this.#emit(message, options.signal);
    });
  }

  /**
   * Writes an Arrow IPC stream or file, from a file descriptor or bytes, straight into the region, and its schema first: a stream
   * of its own schema. Contents are checked in full. Throws IPC_INVALID, DATA_INVALID, IPC_UNSUPPORTED, and what `write` throws.
   */
  writeIpc(source: number | Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#encoder || !this.#replay.isEmpty)
        throw new ArrowlabError(
          'INVALID_ARGUMENT',
          'expected a stream published without a schema and nothing written yet, found another',
        );
      await this.#subscribed(options.signal);
      for (const message of readIpc(source, { validate: 'full' }).messages()) await this.#emit(message, options.signal);
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
    outlet.published = this;
    outlet.open(this.#share.reservedBytes);
    this.#audience.add(outlet);
    for (const message of this.#replay) outlet.offer(message);
    if (this.#ending) outlet.end(this.#ending.error);
  }

  /** Whether a write of `needed` bytes could not go on although everybody gave back all but what somebody holds: `heldBytes`, beside what is retained. */
  isBlockedBy(heldBytes: number, needed: number): boolean {
    return this.#endpoint.region.isBlockedBy(this.#share, needed, heldBytes);
  }

  detach(outlet: Outlet): void {
    this.#audience.remove(outlet);
  }

  status(): StreamStatus {
    const { name, batches, rows, writtenBytes, isEnded, subscribers, readers } = this;
    const { usedBytes, retainedBytes, reservedBytes } = this.#share;
    return {
      ...{ name, batches, rows, writtenBytes, isEnded, retain: this.#retain, slow: this.#slow, subscribers, readers },
      ...{ droppedBatches: this.#audience.droppedBatches, usedBytes, retainedBytes, reservedBytes },
    };
  }

  /** Waits of its writers that are not for memory. */
  waits(): WaitStatus[] {
    return this.#audience.waits(`writer of ${this.holder}`);
  }

  /** The name is taken away: nothing is retained any more, and a stream that has not ended fails. */
  retire(): void {
    if (!this.#ending) {
      const { name } = this;
      this.#endWith(
        new ArrowlabError('PRODUCER_GONE', `stream ${JSON.stringify(name)} was unpublished before its end`),
      );
    }
    this.#replay.clear();
  }

  async #finish(error: ArrowlabError | undefined): Promise<void> {
    if (error) {
      // A write that waits finds the stream ended and gives up.
      this.#checkOpen();
      this.#endWith(error);
      await this.#lastWrite;
    } else
      await this.#inTurn(async () => {
        await this.#emitSchema();
        this.#checkOpen(); // it may have failed meanwhile
        this.#endWith(undefined);
      });
    await this.#audience.room();
  }

  #endWith(error: ArrowlabError | undefined): void {
    this.#ending = { error };
    this.#endpoint.region.closeShare(this.#share);
    this.#audience.end(error);
  }

  async #emitSchema(signal?: AbortSignal): Promise<void> {
    if (!this.#encoder || this.#hasSchema) return;
    await this.#emit(this.#encoder.schemaMessage, signal);
    this.#hasSchema = true;
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
    await this.#audience.first(signal, `the write to ${this.holder}`);
    this.#checkOpen();
  }

  async #emit(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    await this.#breather.breathe();
    if (this.#slow === 'block') await this.#audience.room(signal);
    this.#checkOpen();
    ArrowlabError.throwIfAborted(signal, `the write to ${this.holder}`);
    const writer: Holder = { holder: `writer of ${this.holder}`, sinceMs: performance.now() };
    const placed = await PlacedMessage.place(message, this.#endpoint.region, this.#endpoint.inlineBelow, {
      writer,
      share: this.#share,
      signal,
      onWaiting: ({ waitedMs }) => this.#endpoint.writeWaits(this, message.byteLength, waitedMs),
    });
    if (this.#ending) placed.drop(writer);
    this.#checkOpen();
    this.writtenBytes += placed.byteLength;
    if (placed.kind === 'batch') {
      this.batches++;
      this.rows += message.rows;
    }
    this.#audience.offer(placed, this.#slow === 'drop');
    this.#replay.remember(placed);
    placed.drop(writer);
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

import { formatFor, type RowsSchema } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import {
  type ArrayNode,
  type RecordBatchLike,
  readIpc,
  type SchemaLike,
  StreamEncoder,
  schemaOf,
  type TableLike,
} from '../ipc/index.js';
import { Broadcast } from './broadcast.js';
import type { Endpoint } from './endpoint.js';
import { type AllocateOptions, InPlaceBatch } from './in-place-batch.js';
import type { PublishOptions } from './publish-options.js';
import { type RowsOptions, RowWriter } from './row-writer.js';
import type { StreamStatus } from './status.js';

export interface WriteOptions {
  /** Gives the write up while it waits for a subscriber, for room or for memory. */
  signal?: AbortSignal | undefined;
}

/** A stream that this endpoint produces under a name, for any number of subscribers: each message is written once. */
export class PublishedStream {
  /** @internal */
  readonly broadcast: Broadcast;
  readonly #encoder: StreamEncoder | undefined;
  readonly #rowWriters = new Set<RowWriter<never>>();
  #hasSchema = false;

  /** Made by `Endpoint.publish`. Without a schema the messages come from `writeIpc` alone. */
  constructor(
    endpoint: Endpoint,
    readonly name: string,
    schema: SchemaLike | undefined,
    options: PublishOptions,
  ) {
    if (schema) this.#encoder = new StreamEncoder(schema);
    // Last of what may throw: a share that nobody closes would keep its reservation.
    this.broadcast = new Broadcast(endpoint, name, options);
    this.broadcast.onFailed = () => {
      for (const writer of this.#rowWriters) writer.abandon();
    };
    if (schema) {
      // At once, for who awaits the schema; where that fails, the first write tries again and says why.
      this.broadcast.inTurn(() => this.#emitSchema()).catch(() => {});
    }
  }

  /** Record batches written so far. */
  get batches(): number {
    return this.broadcast.batches;
  }

  /** Rows of these. */
  get writtenRows(): number {
    return this.broadcast.rows;
  }

  /** Bytes of all messages written so far. */
  get writtenBytes(): number {
    return this.broadcast.writtenBytes;
  }

  /** Subscribers that were sent all of it, and are gone having released it or said goodbye. */
  get readers(): number {
    return this.broadcast.readers;
  }

  get isEnded(): boolean {
    return this.broadcast.isEnded;
  }

  get subscribers(): number {
    return this.broadcast.subscribers;
  }

  status(): StreamStatus {
    return this.broadcast.status();
  }

  /**
   * Writes a record batch or a table (each of its batches): one copy into the region, sent to every subscriber. Resolves when it is sent;
   * waits for the first subscriber (retain 'none'), for slow subscribers ('block') and for memory.
   * Throws SCHEMA_MISMATCH, TABLE_UNRECOGNISED, MEMORY_LIMIT, TIMEOUT, ABORTED, CLOSED.
   */
  async write(data: TableLike | RecordBatchLike, { signal }: WriteOptions = {}): Promise<void> {
    const encoder = this.#checkEncoder();
    schemaOf(data); // what is no table at all need not wait for a subscriber
    return this.broadcast.inTurn(async () => {
      await this.#begin(signal);
      for (const message of encoder.encode(data)) await this.broadcast.emit(message, signal);
    }, signal);
  }

  /**
   * Memory of the region for a batch that the caller fills and then commits: no copy. Waits for memory.
   * Throws INVALID_ARGUMENT, TYPE_UNSUPPORTED, MEMORY_LIMIT, TIMEOUT, ABORTED, CLOSED.
   */
  async allocate(options: AllocateOptions): Promise<InPlaceBatch> {
    const encoder = this.#checkEncoder();
    return InPlaceBatch.allocate(this.broadcast, encoder, options, (arrays, signal) => this.#lead(arrays, signal));
  }

  /**
   * Takes rows one by one, and writes them into batches in the region, as `schema` says: one of the stream's columns, or a format such as
   * `protobufRows` gives. The stream's `end` sends what was appended. Throws SCHEMA_MISMATCH, INVALID_ARGUMENT, TYPE_UNSUPPORTED.
   */
  rows<T>(schema: RowsSchema<T>, options: RowsOptions = {}): RowWriter<T> {
    const encoder = this.#checkEncoder();
    const format = formatFor(encoder.schema, schema);
    const writer = new RowWriter(this.broadcast, encoder, (arrays) => this.#lead(arrays), format, options);
    this.#rowWriters.add(writer as RowWriter<never>);
    return writer;
  }

  /**
   * Writes an Arrow IPC stream or file, from a file descriptor or bytes, straight into the region, and its schema first: a stream
   * of its own schema. Contents are checked in full. Throws IPC_INVALID, DATA_INVALID, IPC_UNSUPPORTED, and what `write` throws.
   */
  writeIpc(source: number | Uint8Array, { signal }: WriteOptions = {}): Promise<void> {
    return this.broadcast.inTurn(async () => {
      if (this.#encoder || !this.broadcast.isFresh)
        throw new ArrowlabError(
          'INVALID_ARGUMENT',
          'expected a stream published without a schema and nothing written yet, found another',
        );
      await this.broadcast.subscribed(signal);
      for (const message of readIpc(source, { validate: 'full' }).messages())
        await this.broadcast.emit(message, signal);
    }, signal);
  }

  /** Ends the stream after what was written. Resolves when every subscriber has been sent its end. */
  async end(): Promise<void> {
    for (const writer of this.#rowWriters) {
      writer.handOver();
      writer.end();
    }
    return this.broadcast.end(async () => {
      for (const writer of this.#rowWriters) writer.check();
      await this.#emitSchema();
    });
  }

  /** Ends the stream with an error: subscribers get STREAM_FAILED with its message. Writes that wait give up. */
  fail(error: Error): Promise<void> {
    return this.broadcast.fail(new ArrowlabError('STREAM_FAILED', error.message, { cause: error }));
  }

  #checkEncoder(): StreamEncoder {
    if (this.#encoder) return this.#encoder;
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      'expected a stream with a schema, found one of IPC messages: use writeIpc',
    );
  }

  /** What comes before the first batch. */
  async #begin(signal?: AbortSignal): Promise<void> {
    await this.#emitSchema(signal);
    await this.broadcast.subscribed(signal);
  }

  /** What comes before a batch of these columns: dictionaries too. */
  async #lead(columns: readonly ArrayNode[], signal?: AbortSignal): Promise<void> {
    await this.#begin(signal);
    for (const message of this.#checkEncoder().encodeDictionaries(columns)) await this.broadcast.emit(message, signal);
  }

  async #emitSchema(signal?: AbortSignal): Promise<void> {
    if (!this.#encoder || this.#hasSchema) return;
    await this.broadcast.emit(this.#encoder.schemaMessage, signal);
    this.#hasSchema = true;
  }
}

import { type BatchPlan, filledByteLength, RowBatcher, type RowFormat, type Target } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { ArrayNode, StreamEncoder } from '../ipc/index.js';
import { startTimer } from '../region/index.js';
import type { Broadcast } from './broadcast.js';
import { Draft } from './draft.js';

export interface RowsOptions {
  /** Rows of a batch; fewer where they take more than a thirty-second of the region's `maxBytes`. Default 65,536. */
  batchRows?: number | undefined;
  /** A batch goes out at the latest so many milliseconds after its first row. Default 100. */
  maxLatencyMs?: number | undefined;
}

const BATCH_ROWS = 65_536;
const MAX_LATENCY_MS = 100;
/** Batches on their way from which on the caller is asked to wait, and those at which rows are refused. */
const WAIT_FROM = 2;
const REFUSE_FROM = 64;

/** Appends rows to a stream's batches where they will be read. Batches go out when they are full, when they are old, and by `flush`. */
export class RowWriter<T> {
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #begin: () => Promise<void>;
  readonly #batcher: RowBatcher<T, Target>;
  readonly #maxLatencyMs: number;
  readonly #sends: Promise<void>[] = [];
  #copies = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: { error: unknown } | undefined;

  /** Made by `PublishedStream.rows`; `begin` does what has to be done before the first batch of a stream. */
  constructor(
    broadcast: Broadcast,
    encoder: StreamEncoder,
    begin: () => Promise<void>,
    format: RowFormat<T>,
    { batchRows = BATCH_ROWS, maxLatencyMs = MAX_LATENCY_MS }: RowsOptions,
  ) {
    if (!Number.isSafeInteger(batchRows) || batchRows < 1)
      throw new ArrowlabError('INVALID_ARGUMENT', `expected batchRows as a whole number from 1 on, found ${batchRows}`);
    if (!(maxLatencyMs >= 0))
      throw new ArrowlabError('INVALID_ARGUMENT', `expected maxLatencyMs of 0 or more, found ${maxLatencyMs}`);
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#begin = begin;
    this.#maxLatencyMs = maxLatencyMs;
    this.#batcher = new RowBatcher(format, {
      batchRows,
      maxBytes: broadcast.maxDraftBytes,
      maxRowBytes: broadcast.maxMessageBytes - encoder.headerInPlaceByteLength,
      open: (plan) => this.#open(plan),
      filled: (batch, arrays, rows) => this.#filled(batch, arrays, rows),
      discard: (batch) => this.#discard(batch),
    });
  }

  /** Rows appended so far, those counted that a format has skipped. */
  get rows(): number {
    return this.#batcher.rows;
  }

  /**
   * Appends one row. Returns a promise when batches go out more slowly than rows come: await it before the next row. A row that is refused leaves
   * everything as it was.
   * @throws DATA_INVALID naming the row, counted from 0, and the path of what is wrong; MEMORY_LIMIT when promises were not awaited for too long, or for a row that
   * can never fit; and what sending an earlier batch failed with.
   */
  append(row: T): Promise<void> | undefined {
    this.check();
    if (this.#sends.length >= REFUSE_FROM) throw this.#unawaited();
    this.#batcher.append(row);
    return this.#sends.length < WAIT_FROM ? undefined : this.#sends[0];
  }

  /** Appends all rows of an iterable, such as an array, a generator, a readable stream of objects; waits where it has to. Throws as `append`. */
  async appendMany(rows: Iterable<T> | AsyncIterable<T>): Promise<void> {
    if (Symbol.iterator in rows)
      for (const row of rows) {
        const room = this.append(row);
        if (room) await room;
      }
    else for await (const row of rows) await this.append(row);
  }

  /** Sends what was appended so far. Resolves when it is sent. Throws what sending failed with. */
  async flush(): Promise<void> {
    this.handOver();
    await Promise.allSettled(this.#sends);
    this.check();
  }

  /** What was appended so far goes out. @internal */
  handOver(): void {
    this.#batcher.handOver();
  }

  /** Throws what sending failed with; CLOSED. @internal */
  check(): void {
    if (this.#failure) throw this.#failure.error;
    this.#broadcast.checkOpen();
  }

  /** Drops the rows that are not on their way yet: their stream has failed. @internal */
  abandon(): void {
    this.#batcher.abandon();
  }

  #unawaited(): ArrowlabError {
    return new ArrowlabError(
      'MEMORY_LIMIT',
      `expected the promise that append returned to be awaited, found ${this.#sends.length} batches on their way to ${this.#broadcast.holder}`,
    );
  }

  /** A draft in the region, or, while that has no room, memory of the heap that is copied later. */
  #open(plan: BatchPlan): Target {
    this.#timer = startTimer(() => this.#batcher.handOver(), this.#maxLatencyMs);
    const writer = { holder: `rows of ${this.#broadcast.holder}`, sinceMs: performance.now() };
    // Not while copies wait for memory: they come first, and would wait for what this batch holds.
    const byteLength = Draft.byteLengthOf(plan, this.#encoder);
    const extent = this.#copies === 0 ? this.#broadcast.allocateNow(byteLength, writer) : undefined;
    if (extent) return new Draft(this.#broadcast, this.#encoder, plan, extent, writer);
    return { columns: plan.columnsOnHeap() };
  }

  #discard(batch: Target): void {
    clearTimeout(this.#timer);
    if (batch instanceof Draft) batch.discard();
  }

  #filled(batch: Target, arrays: ArrayNode[], rows: number): void {
    clearTimeout(this.#timer);
    const byteLength = filledByteLength(batch.columns);
    // A batch that is mostly empty would keep its whole extent from others.
    const isMostlyFull = batch instanceof Draft && byteLength * 2 >= batch.byteLength;
    if (isMostlyFull && this.#broadcast.isForRegion(byteLength)) this.#sendInPlace(batch, arrays, rows);
    else this.#sendCopy(batch, arrays, rows);
  }

  #sendInPlace(draft: Draft, arrays: ArrayNode[], rows: number): void {
    draft.finish(arrays, rows);
    void this.#send(draft, async () => {
      for (const message of this.#encoder.encodeDictionaries(arrays)) await this.#broadcast.emit(message);
      await draft.send();
    });
  }

  async #sendCopy(batch: Target, arrays: ArrayNode[], rows: number): Promise<void> {
    this.#copies++;
    await this.#send(batch, async () => {
      for (const message of this.#encoder.encodeColumns(arrays, rows)) await this.#broadcast.emit(message);
    });
    this.#copies--;
  }

  /** Never fails itself: who appends, flushes or awaits room is told. */
  async #send(batch: Target, work: () => Promise<void>): Promise<void> {
    const sent = this.#broadcast.inTurn(async () => {
      await this.#begin();
      await work();
    });
    this.#sends.push(sent);
    try {
      await sent;
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#sends.splice(this.#sends.indexOf(sent), 1);
    if (batch instanceof Draft) batch.discard();
  }
}

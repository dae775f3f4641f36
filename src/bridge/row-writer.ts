import { type Column, RoomEstimate, type RowAppender, type RowFormat } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { StreamEncoder } from '../ipc/index.js';
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

/** Columns that rows are appended to: a draft in the region, or, while that has no room, memory of the heap that is copied later. */
type Target = Draft | { readonly columns: readonly Column[] };

/** Appends rows to a stream's batches where they will be read. Batches go out when they are full, when they are old, and by `flush`. */
export class RowWriter<T> {
  /** Rows appended so far. */
  rows = 0;

  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #begin: () => Promise<void>;
  readonly #appender: RowAppender<T>;
  readonly #estimate: RoomEstimate;
  readonly #batchRows: number;
  readonly #maxLatencyMs: number;
  readonly #sends: Promise<void>[] = [];
  #target: Target | undefined;
  #capacity = 0;
  #copies = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

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
    this.#appender = format.appender();
    this.#estimate = new RoomEstimate(format.parsedSchema.fields);
    this.#batchRows = batchRows;
    this.#maxLatencyMs = maxLatencyMs;
  }

  /**
   * Appends one row. Returns a promise when batches go out more slowly than rows come: await it before the next row. A row that is refused leaves
   * everything as it was.
   * @throws DATA_INVALID naming the row, counted from 0, and the path of what is wrong; MEMORY_LIMIT when promises were not awaited for too long, or for a row that
   * can never fit; and what sending an earlier batch failed with.
   */
  append(row: T): Promise<void> | undefined {
    this.#check();
    if (!this.#target || !this.#appender.append(row, this.rows)) this.#appendToNext(row);
    this.rows++;
    if (this.#appender.rows >= this.#capacity) this.#handOver();
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
    this.#handOver();
    await Promise.all(this.#sends);
    this.#check();
  }

  /** Drops the rows that are not on their way yet: their stream has failed. */
  abandon(): void {
    this.#disarm();
    if (this.#target instanceof Draft) this.#target.discard();
    this.#target = undefined;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#broadcast.checkOpen();
    if (this.#sends.length >= REFUSE_FROM)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected the promise that append returned to be awaited, found ${this.#sends.length} batches on their way to ${this.#broadcast.holder}`,
      );
  }

  /** There is no batch yet, or no room in it for this row. */
  #appendToNext(row: T): void {
    if (this.#target && this.#appender.rows > 0) this.#handOver();
    for (;;) {
      if (!this.#target) this.#open();
      if (this.#appender.append(row, this.rows)) return;
      this.abandon();
      this.#estimate.grow();
    }
  }

  #open(): void {
    const plan = this.#estimate.plan(this.#batchRows, this.#broadcast.maxDraftBytes);
    const byteLength = Draft.byteLengthOf(plan, this.#encoder);
    const writer = { holder: `rows of ${this.#broadcast.holder}`, sinceMs: performance.now() };
    // Not while copies wait for memory: they come first, and would wait for what this batch holds.
    const extent = this.#copies === 0 ? this.#broadcast.allocateNow(byteLength, writer) : undefined;
    this.#target = extent
      ? new Draft(this.#broadcast, this.#encoder, plan, extent, writer)
      : { columns: plan.columnsOnHeap() };
    this.#capacity = plan.rows;
    this.#appender.bind(this.#target.columns);
    this.#timer = startTimer(() => this.#handOver(), this.#maxLatencyMs);
  }

  #handOver(): void {
    const target = this.#target;
    if (!target || this.#appender.rows === 0) return;
    this.#disarm();
    this.#target = undefined;
    const { rows } = this.#appender;
    this.#appender.settle();
    this.#estimate.learn(target.columns);
    const arrays = target.columns.map((column) => column.toArray((encoded) => this.#appender.dictionaryOf(encoded)));
    const filledBytes = target.columns.reduce((sum, { filledByteLength }) => sum + filledByteLength, 0);
    if (target instanceof Draft && filledBytes * 2 >= target.byteLength && this.#broadcast.isForRegion(filledBytes)) {
      target.finish(arrays, rows);
      this.#send(async () => {
        await this.#begin();
        for (const message of this.#encoder.encodeDictionaries(arrays)) await this.#broadcast.emit(message);
        await target.send();
      }, target);
    } else {
      // A batch that is mostly empty would keep its whole extent from others.
      this.#copies++;
      this.#send(async () => {
        await this.#begin();
        for (const message of this.#encoder.encodeColumns(arrays, rows)) await this.#broadcast.emit(message);
      }, target).finally(() => this.#copies--);
    }
  }

  #send(work: () => Promise<void>, target: Target): Promise<void> {
    const sent = this.#broadcast.inTurn(work);
    this.#sends.push(sent);
    const settled = sent.then(
      () => {},
      (error) => {
        this.#failure ??= error;
      },
    );
    return settled.finally(() => {
      this.#sends.splice(this.#sends.indexOf(sent), 1);
      if (target instanceof Draft) target.discard();
    });
  }

  #disarm(): void {
    clearTimeout(this.#timer);
  }
}

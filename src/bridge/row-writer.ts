import {
  type BatchPlan,
  checkedBatchRows,
  dictionaryFields,
  filledByteLength,
  RowBatcher,
  type RowFormat,
  type Target,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { type ArrayNode, heapSink, type OutgoingMessage, type StreamEncoder } from '../ipc/index.js';
import { startTimer } from '../region/index.js';
import type { Broadcast } from './broadcast.js';
import { Draft } from './draft.js';
import type { Lead } from './in-place-batch.js';

export interface RowsOptions {
  /** Rows of a batch; fewer where they take more than a thirty-second of the region's `maxBytes`. Default 65,536. */
  batchRows?: number | undefined;
  /** A batch goes out at the latest so many milliseconds after its first row. Default 100. */
  maxLatencyMs?: number | undefined;
}

const MAX_LATENCY_MS = 100;
/** Batches on their way from which on the caller is asked to wait; 1 where dictionaries may have to go before them. Those at which rows are refused. */
const WAIT_FROM = 2;
const REFUSE_FROM = 64;

/** Appends rows to a stream's batches where they will be read. Batches go out when they are full, when they are old, and by `flush`. */
export class RowWriter<T> {
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #lead: Lead;
  readonly #batcher: RowBatcher<T, Target>;
  readonly #maxLatencyMs: number;
  readonly #sends: Promise<void>[] = [];
  readonly #hasDictionaries: boolean;
  #waitingCopies = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: { error: unknown } | undefined;
  #isEnded = false;

  /** Made by `PublishedStream.rows`; `lead` sends what has to come before a batch. */
  constructor(
    broadcast: Broadcast,
    encoder: StreamEncoder,
    lead: Lead,
    format: RowFormat<T>,
    { batchRows, maxLatencyMs = MAX_LATENCY_MS }: RowsOptions,
  ) {
    if (!(maxLatencyMs >= 0))
      throw new ArrowlabError('INVALID_ARGUMENT', `expected maxLatencyMs of 0 or more, found ${maxLatencyMs}`);
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#lead = lead;
    this.#maxLatencyMs = maxLatencyMs;
    this.#hasDictionaries = [...dictionaryFields(format.parsedSchema.fields)].length > 0;
    this.#batcher = new RowBatcher(format, {
      batchRows: checkedBatchRows(batchRows),
      maxBytes: broadcast.maxDraftBytes,
      maxRowBytes: broadcast.maxMessageBytes - encoder.headerInPlaceByteLength,
      open: (plan) => this.#open(plan),
      filled: (batch, arrays, rows) => this.#filled(batch, arrays, rows),
      discard: (batch) => {
        if (batch instanceof Draft) batch.discard();
      },
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
    if (this.#isEnded)
      throw new ArrowlabError('CLOSED', `expected rows before the end of ${this.#broadcast.holder}, found one after`);
    if (this.#sends.length >= REFUSE_FROM) throw this.#unawaited();
    this.#batcher.append(row);
    if (this.#timer === undefined && !this.#batcher.isEmpty) this.#startTimer();
    return this.#sends.length < (this.#hasDictionaries ? 1 : WAIT_FROM) ? undefined : this.#sends[0];
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
    this.end();
    this.#batcher.abandon();
  }

  /** Takes no more rows. @internal */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  #startTimer(): void {
    this.#timer = startTimer(() => {
      this.#timer = undefined;
      try {
        this.handOver();
      } catch (error) {
        this.#failure ??= { error };
      }
    }, this.#maxLatencyMs);
  }

  #unawaited(): ArrowlabError {
    return new ArrowlabError(
      'MEMORY_LIMIT',
      `expected the promise that append returned to be awaited, found ${this.#sends.length} batches on their way to ${this.#broadcast.holder}`,
    );
  }

  /** A draft in the region, or, where that has no room, memory of the heap that is copied later. */
  #open(plan: BatchPlan): Target {
    const byteLength = Draft.byteLengthOf(plan, this.#encoder);
    const writer = { holder: `rows of ${this.#broadcast.holder}`, sinceMs: performance.now() };
    const isModest = byteLength <= 2 * this.#broadcast.maxDraftBytes;
    const extent = isModest && this.#mayHold ? this.#broadcast.allocateNow(byteLength, writer) : undefined;
    if (extent) return new Draft(this.#broadcast, this.#encoder, plan, extent, writer);
    return { columns: plan.columnsOnHeap() };
  }

  /** Not while something that comes before this batch may wait for memory: it would wait for what this batch holds. */
  get #mayHold(): boolean {
    return this.#waitingCopies === 0 && (!this.#hasDictionaries || this.#sends.length === 0);
  }

  #filled(batch: Target, arrays: ArrayNode[], rows: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const byteLength = filledByteLength(batch.columns);
    // A batch that is mostly empty would keep its whole extent from others.
    const isMostlyFull = batch instanceof Draft && byteLength * 2 >= batch.byteLength;
    const isInPlace = isMostlyFull && this.#broadcast.isForRegion(byteLength);
    const sending = isInPlace ? this.#sendInPlace(batch, arrays, rows) : this.#sendCopy(batch, arrays, rows);
    sending.catch((error) => {
      this.#failure ??= { error };
    });
  }

  async #sendInPlace(draft: Draft, arrays: ArrayNode[], rows: number): Promise<void> {
    draft.finish(arrays, rows);
    await this.#send(arrays, () => draft.send());
    draft.discard();
  }

  async #sendCopy(batch: Target, arrays: ArrayNode[], rows: number): Promise<void> {
    const message = this.#encoder.encodeBatch(arrays, rows);
    const placed = this.#mayHold ? this.#broadcast.placeNow(message) : undefined;
    const later = placed ? undefined : batch instanceof Draft ? onHeap(message) : message;
    if (batch instanceof Draft) batch.discard();
    if (placed) {
      await this.#send(arrays, () => placed.send());
      placed.drop();
      return;
    }
    this.#waitingCopies++;
    await this.#send(arrays, () => this.#broadcast.emit(later!));
    this.#waitingCopies--;
  }

  /** Never fails itself: who appends, flushes or awaits room is told. After a failure nothing more is sent, so that no rows are missing in between. */
  async #send(arrays: ArrayNode[], send: () => Promise<void>): Promise<void> {
    const sent = this.#broadcast.inTurn(async () => {
      if (this.#failure) throw this.#failure.error;
      await this.#lead(arrays);
      await send();
    });
    this.#sends.push(sent);
    try {
      await sent;
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#sends.splice(this.#sends.indexOf(sent), 1);
  }
}

/** The message in bytes of its own, so that what it was made from can go. */
function onHeap(message: OutgoingMessage): OutgoingMessage {
  const { bytes, ...sink } = heapSink(message.byteLength);
  message.placeInto(sink);
  return { ...message, placeInto: (other) => other.write(0, bytes) };
}

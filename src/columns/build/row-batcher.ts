import type { ArrayNode } from '../array.js';
import type { Column } from './column.js';
import { RoomEstimate } from './estimate.js';
import type { BatchPlan } from './plan.js';
import type { RowAppender, RowFormat } from './row-format.js';

/** The columns of a batch, wherever they lie. */
export interface Target {
  readonly columns: readonly Column[];
}

/** Where the batches of rows come from and go to. */
export interface BatchHandling<B extends Target> {
  /** Rows of a batch at most. */
  readonly batchRows: number;
  /** Bytes of a batch's body at most, unless a single row takes more. */
  readonly maxBytes: number;
  /** Memory for the next batch. */
  open(plan: BatchPlan): B;
  /** A batch is filled: `arrays` refer to its columns. */
  filled(batch: B, arrays: ArrayNode[], rows: number): void;
  /** A batch that a row did not fit into is not needed. */
  discard(batch: B): void;
}

/** Appends rows to one batch after the other, each as large as earlier ones needed it to be. */
export class RowBatcher<T, B extends Target> {
  /** Rows appended so far, in all batches. */
  rows = 0;

  readonly #appender: RowAppender<T>;
  readonly #handling: BatchHandling<B>;
  readonly #estimate: RoomEstimate;
  #batch: B | undefined;
  #capacity = 0;

  constructor(format: RowFormat<T>, handling: BatchHandling<B>) {
    this.#appender = format.appender();
    this.#handling = handling;
    this.#estimate = new RoomEstimate(format.parsedSchema.fields);
  }

  /** Appends one row, all of it or, where this throws, nothing. @throws DATA_INVALID, and what opening and handing over a batch throws. */
  append(row: T): void {
    if (!this.#batch || !this.#appender.append(row, this.rows)) this.#appendToNext(row);
    this.rows++;
    if (this.#appender.rows >= this.#capacity) this.handOver();
  }

  /** The batch is filled as it is; nothing where it has no rows. */
  handOver(): void {
    const batch = this.#batch;
    if (!batch || this.#appender.rows === 0) return;
    const { rows } = this.#appender;
    const arrays = this.#settle(batch);
    this.#estimate.learn(batch.columns);
    this.#batch = undefined;
    this.#handling.filled(batch, arrays, rows);
  }

  /** What is in the batch now; it goes on growing. Undefined where it has no rows. */
  peek(): { arrays: ArrayNode[]; rows: number } | undefined {
    if (!this.#batch || this.#appender.rows === 0) return undefined;
    return { arrays: this.#settle(this.#batch, true), rows: this.#appender.rows };
  }

  /** Drops the rows of the batch. */
  abandon(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch) this.#handling.discard(batch);
  }

  /** There is no batch yet, or no room in it for this row. */
  #appendToNext(row: T): void {
    this.handOver();
    for (;;) {
      if (!this.#batch) this.#open();
      if (this.#appender.append(row, this.rows)) return;
      this.abandon();
      this.#estimate.grow();
    }
  }

  #open(): void {
    const plan = this.#estimate.plan(this.#handling.batchRows, this.#handling.maxBytes);
    this.#batch = this.#handling.open(plan);
    this.#capacity = plan.rows;
    this.#appender.bind(this.#batch.columns);
  }

  #settle({ columns }: B, grows = false): ArrayNode[] {
    this.#appender.settle();
    return columns.map((column) => column.toArray((encoded) => this.#appender.dictionaryOf(encoded), grows));
  }
}

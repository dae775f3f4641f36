import { ArrowlabError } from '../../errors.js';
import type { ArrayNode } from '../array.js';
import { dictionaryFields } from '../schema.js';
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
  /** Bytes of a single row at most. */
  readonly maxRowBytes: number;
  /** Memory for the next batch. */
  open(plan: BatchPlan): B;
  /** A batch is filled: `arrays` refer to its columns. */
  filled(batch: B, arrays: ArrayNode[], rows: number): void;
  /** A batch that a row did not fit into is not needed. */
  discard(batch: B): void;
}

const BATCH_ROWS = 65_536;

/** Rows of a batch as the caller wants them, 65,536 where nothing is said. @throws INVALID_ARGUMENT unless it is a whole number from 1 on. */
export function checkedBatchRows(batchRows = BATCH_ROWS): number {
  if (Number.isSafeInteger(batchRows) && batchRows >= 1) return batchRows;
  throw new ArrowlabError('INVALID_ARGUMENT', `expected batchRows as a whole number from 1 on, found ${batchRows}`);
}

/** Bytes of all columns that are filled. */
export function filledByteLength(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + column.filledByteLength, 0);
}

/** Appends rows to one batch after the other, each as large as earlier ones needed it to be. */
export class RowBatcher<T, B extends Target> {
  /** Rows appended so far, in all batches. */
  rows = 0;

  readonly #format: RowFormat<T>;
  #appender: RowAppender<T>;
  readonly #handling: BatchHandling<B>;
  readonly #estimate: RoomEstimate;
  #batch: B | undefined;
  #capacity = 0;

  constructor(format: RowFormat<T>, handling: BatchHandling<B>) {
    this.#format = format;
    this.#appender = format.appender();
    this.#handling = handling;
    this.#estimate = new RoomEstimate(format.parsedSchema.fields);
  }

  /** Appends one row, all of it or, where this throws, nothing. @throws DATA_INVALID, MEMORY_LIMIT for a row that is too large, and what opening and handing over a batch throws. */
  append(row: T): void {
    if (!this.#batch || !this.#appender.append(row, this.rows)) this.#appendToNext(row);
    this.rows++;
    if (this.#appender.rows >= this.#capacity) this.handOver();
  }

  /** Whether there is no row that was not handed over. */
  get isEmpty(): boolean {
    return !this.#batch || this.#appender.rows === 0;
  }

  /** The batch is filled as it is; nothing where it has no rows. */
  handOver(): void {
    const batch = this.#batch;
    if (!batch || this.isEmpty) {
      this.abandon();
      return;
    }
    const { rows } = this.#appender;
    const arrays = this.#settle(batch);
    this.#estimate.learn(batch.columns);
    this.#batch = undefined;
    this.#handling.filled(batch, arrays, rows);
  }

  /** What is in the batch now; it goes on growing. Undefined where it has no rows. */
  peek(): { arrays: ArrayNode[]; rows: number } | undefined {
    if (!this.#batch || this.isEmpty) return undefined;
    return { arrays: this.#settle(this.#batch, true), rows: this.#appender.rows };
  }

  /** Drops the rows of the batch. */
  abandon(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch) this.#handling.discard(batch);
  }

  /** Drops the rows of the batch, and begins to count anew, with dictionaries that are empty. */
  restart(): void {
    this.abandon();
    this.rows = 0;
    const [encoded] = dictionaryFields(this.#format.parsedSchema.fields);
    if (encoded) this.#appender = this.#format.appender();
  }

  /** There is no batch yet, or no room in it for this row. */
  #appendToNext(row: T): void {
    this.handOver();
    try {
      while (!this.#appendToEmpty(row)) this.#estimate.grow();
      this.#checkRow();
    } catch (error) {
      this.abandon(); // it has no rows
      this.#estimate.calm();
      throw error;
    }
  }

  #appendToEmpty(row: T): boolean {
    this.#open();
    const isIn = this.#appender.append(row, this.rows);
    if (!isIn) this.abandon();
    return isIn;
  }

  /** The row that is alone in its batch may be as large as nothing else is. */
  #checkRow(): void {
    if (this.#appender.rows > 1) return;
    this.#appender.settle();
    const byteLength = filledByteLength(this.#batch!.columns);
    const { maxRowBytes } = this.#handling;
    if (byteLength <= maxRowBytes) return;
    throw new ArrowlabError(
      'MEMORY_LIMIT',
      `row ${this.rows}: expected a row of at most ${maxRowBytes} bytes, found ${byteLength}: raise maxBytes or make it smaller`,
    );
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

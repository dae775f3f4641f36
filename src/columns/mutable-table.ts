import { type RecordBatch, Table } from 'apache-arrow';
import { toArrowSchema, toRecordBatch } from './arrow-js.js';
import type { BatchPlan } from './build/plan.js';
import { checkedBatchRows, RowBatcher, type Target } from './build/row-batcher.js';
import { formatOf, type RowsSchema } from './row-schema.js';

/** Where a table's rows lie. */
export interface TableMemory {
  /** Bytes of a batch at most, unless a single row takes more. */
  readonly maxBatchBytes: number;
  /** Columns for a batch. */
  open(plan: BatchPlan): Target;
  /** They are needed no more. */
  free(batch: Target): void;
}

export interface MutableTableOptions {
  /** Rows of a batch at most; the first ones are smaller. Default 65,536. */
  batchRows?: number | undefined;
  /** Where the rows lie: the heap, or `server.memory`, the server's region. Default the heap. */
  memory?: TableMemory | undefined;
}

const FIRST_ROWS = 1_024;

const HEAP: TableMemory = {
  maxBatchBytes: 64 * 2 ** 20,
  open: (plan) => ({ columns: plan.columnsOnHeap() }),
  free: () => {},
};

/** A table that rows are appended to, and that can be read at any time. */
export class MutableTable<T> {
  readonly #memory: TableMemory;
  readonly #schema;
  readonly #full: { target: Target; batch: RecordBatch }[] = [];
  readonly #batcher: RowBatcher<T, Target>;

  /** Throws TYPE_UNSUPPORTED, TABLE_UNRECOGNISED, INVALID_ARGUMENT. */
  constructor(schema: RowsSchema<T>, { batchRows, memory = HEAP }: MutableTableOptions = {}) {
    const maxRows = checkedBatchRows(batchRows);
    const format = formatOf(schema);
    this.#schema = toArrowSchema(format.parsedSchema);
    this.#memory = memory;
    const full = this.#full;
    this.#batcher = new RowBatcher(format, {
      get batchRows() {
        return Math.min(maxRows, FIRST_ROWS * 2 ** full.length);
      },
      maxBytes: memory.maxBatchBytes,
      maxRowBytes: Number.POSITIVE_INFINITY,
      open: (plan) => memory.open(plan),
      filled: (target, arrays, rows) => void full.push({ target, batch: toRecordBatch(this.#schema, arrays, rows) }),
      discard: (target) => memory.free(target),
    });
  }

  get numRows(): number {
    return this.#batcher.rows;
  }

  /** Appends one row, all of it or, where this throws, nothing. Throws DATA_INVALID naming the row, counted from 0, and the path of what is wrong; MEMORY_LIMIT. */
  append(row: T): void {
    this.#batcher.append(row);
  }

  /** Appends all rows of an iterable. Throws as `append`; the rows before stay. */
  appendMany(rows: Iterable<T>): void {
    for (const row of rows) this.append(row);
  }

  /** The rows there are now, over the table's own memory: rows that come later do not show. Valid until `clear` where the memory is a region. */
  snapshot(): Table {
    const batches = this.#full.map(({ batch }) => batch);
    const last = this.#batcher.peek();
    if (last) batches.push(toRecordBatch(this.#schema, last.arrays, last.rows));
    return new Table(this.#schema, batches);
  }

  /** Drops all rows. Snapshots on the heap stay as they are. */
  clear(): void {
    this.#batcher.restart();
    for (const { target } of this.#full.splice(0)) this.#memory.free(target);
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

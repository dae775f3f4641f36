import type { ArrayNode } from '../array.js';
import type { Column } from '../build/column.js';
import { BatchPlan } from '../build/plan.js';
import type { Cursor } from './cursor.js';
import { Misfit, NO_ROOM } from './misfit.js';
import type { Write } from './scalar.js';

const MIN_ROWS = 16;
const MAX_ROWS = 65_536;
const BYTES_PER_VALUE = 16;
const ROWS_PER_LIST = 4;
const MAX_BYTES = 2 ** 31;

/** Dictionaries within a dictionary are looked up when it is handed out. */
const noDictionary = () => undefined;

/** Where a dictionary's values are appended: columns on the heap, each larger than the one before, because nobody knows how many will come. */
export class DictionaryChunks {
  readonly #cursor: Cursor;
  readonly #marked: readonly Cursor[];
  #column: Column | undefined;
  #capacity = MIN_ROWS;
  #rows = 0;
  #full: ArrayNode[] = [];

  /** `cursor` is bound to each chunk in turn. */
  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#marked = [...cursor.tree()].filter(({ isMarked }) => isMarked);
  }

  /** Appends a value, at the row of the cursor's column that is returned. @throws a Misfit. */
  append(write: Write, value: unknown): number {
    for (let factor = 1; ; ) {
      if (!this.#column) this.#bind(factor);
      const row = this.#rows;
      for (const cursor of this.#marked) cursor.mark();
      try {
        if (row === this.#column!.capacity) throw NO_ROOM;
        write(value, row);
        this.#rows++;
        return row;
      } catch (error) {
        this.#cursor.rollBack(row, Math.min(row + 1, this.#column!.capacity));
        if (error !== NO_ROOM) throw error;
      }
      // A chunk that is too small for one value alone has to be larger for each of its rows.
      if (row === 0) {
        factor *= 4;
        this.#column = undefined;
      } else {
        this.#capacity = Math.min(2 * this.#capacity, MAX_ROWS);
        this.#finish();
      }
      if (factor * BYTES_PER_VALUE > MAX_BYTES) throw Misfit.of('a value of less than 2 GiB', value);
    }
  }

  /** Takes back the last value, unless its chunk is finished: whether it did. */
  removeLast(): boolean {
    if (this.#rows === 0) return false;
    this.#rows--;
    this.#cursor.rollBack(this.#rows, this.#rows + 1);
    return true;
  }

  /** What was appended since this was last called. */
  take(): ArrayNode[] {
    if (this.#rows > 0) {
      // As many may come before the next time.
      this.#capacity = Math.max(MIN_ROWS, 2 ** Math.ceil(Math.log2(this.#rows)));
      this.#finish();
    }
    return this.#full.splice(0);
  }

  /** An array without values. */
  empty(): ArrayNode {
    if (!this.#column) this.#bind(1);
    this.#cursor.settle(0);
    return this.#column!.toArray(noDictionary);
  }

  #finish(): void {
    this.#cursor.settle(this.#rows);
    this.#full.push(this.#column!.toArray(noDictionary));
    this.#column = undefined;
    this.#rows = 0;
  }

  #bind(factor: number): void {
    const rows = factor === 1 ? this.#capacity : 1;
    const plan = new BatchPlan([this.#cursor.field], rows, {
      dataBytes: () => rows * BYTES_PER_VALUE * factor,
      childRows: () => rows * ROWS_PER_LIST * factor,
    });
    const [column] = plan.columnsOnHeap();
    this.#column = column!;
    this.#cursor.bind(column!);
  }
}

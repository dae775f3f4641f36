import type { ArrowlabError } from '../../errors.js';
import type { Column } from '../build/column.js';
import type { RowAppender } from '../build/row-format.js';
import type { ParsedSchema } from '../schema.js';
import type { VectorLike } from '../shape.js';
import { structWriter } from './closures.js';
import { Cursor } from './cursor.js';
import { Dictionaries } from './dictionary.js';
import type { RowWriterFactory } from './generate.js';
import { Iterables } from './iterables.js';
import { Misfit, NO_ROOM } from './misfit.js';
import type { Write } from './scalar.js';

/** Appends objects, by a writer that was generated for their schema where there is one. */
export class ObjectAppender implements RowAppender<object> {
  readonly #cursors: readonly Cursor[];
  readonly #marked: readonly Cursor[];
  readonly #dictionaries: Dictionaries;
  readonly #iterables = new Iterables();
  readonly #write: Write;
  /** Finds the path of what a generated writer cannot take. */
  readonly #explain: Write;
  #capacity = 0;
  #rows = 0;

  constructor({ fields }: ParsedSchema, generated: RowWriterFactory | undefined) {
    const iterables = this.#iterables;
    const dictionaries = new Dictionaries(fields, iterables, () => this.#rows);
    this.#dictionaries = dictionaries;
    this.#cursors = fields.map((field) => new Cursor(field, { dictionaries, iterables }));
    this.#marked = this.#cursors.flatMap((cursor) => [...cursor.tree()]).filter(({ isMarked }) => isMarked);
    this.#explain = structWriter({ children: this.#cursors });
    this.#write = generated?.(this.#cursors) ?? this.#explain;
  }

  get rows(): number {
    return this.#rows;
  }

  bind(columns: readonly Column[]): void {
    this.#rows = 0;
    this.#dictionaries.keep();
    this.#capacity = Math.min(...columns.map(({ capacity }) => capacity), Number.MAX_SAFE_INTEGER);
    for (const [index, cursor] of this.#cursors.entries()) cursor.bind(columns[index]!);
  }

  append(value: object, row: number): boolean {
    if (this.#rows >= this.#capacity) return false;
    for (const cursor of this.#marked) cursor.mark();
    try {
      this.#write(value, this.#rows);
    } catch (error) {
      this.#rollBack();
      if (error === NO_ROOM) return false;
      throw this.#error(error, value, row);
    }
    this.#rows++;
    this.#iterables.forget();
    return true;
  }

  settle(): void {
    for (const cursor of this.#cursors) cursor.settle(this.#rows);
  }

  dictionaryOf({ field }: Column): VectorLike {
    return this.#dictionaries.vectorOf(field);
  }

  #rollBack(): void {
    for (const cursor of this.#cursors) cursor.rollBack(this.#rows, this.#rows + 1);
    this.#dictionaries.rollBack();
  }

  /** What is wrong with a row, found by writing it once more. */
  #error(cause: unknown, value: object, row: number): ArrowlabError {
    let misfit = cause;
    if (this.#write !== this.#explain) {
      try {
        this.#explain(value, this.#rows);
      } catch (error) {
        if (error !== NO_ROOM) misfit = error;
      }
      this.#rollBack();
    }
    this.#iterables.forget();
    return (misfit instanceof Misfit ? misfit : Misfit.unreadable(misfit)).error(row);
  }
}

import type { ParsedSchema } from '../schema.js';
import type { VectorLike } from '../shape.js';
import type { Column } from './column.js';

/** How values of one kind (objects, encoded messages) become rows of one schema. */
export interface RowFormat<T> {
  readonly parsedSchema: ParsedSchema;
  /** An appender with dictionaries of its own, for one stream or table. */
  appender(): RowAppender<T>;
}

/** Writes values into the columns of one batch after the other. Its dictionaries grow from batch to batch. */
export interface RowAppender<T> {
  /** Rows in the columns so far. */
  readonly rows: number;
  /** From now on rows go into these columns, one for each field, which are empty. */
  bind(columns: readonly Column[]): void;
  /**
   * Appends a row to every column; false where there is no room for it. `row` is its number, for messages.
   * After false, and after an error, everything is as if it had not been called.
   * @throws DATA_INVALID naming the row, the path of the value, what was expected and what was found.
   */
  append(value: T, row: number): boolean;
  /** Says in every column bound, and those below, how much of it is filled. */
  settle(): void;
  /** The values that the indices of a dictionary-encoded column refer to. Parts that were there in an earlier batch are the same objects. */
  dictionaryOf(column: Column): VectorLike;
}

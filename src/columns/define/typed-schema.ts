import type { Schema } from 'apache-arrow';
import { toArrowSchema } from '../arrow-js.js';
import { type Child, childrenOf, metadataOf } from './column-type.js';
import type { ColumnTypes, StructValue } from './row-value.js';

/** Of the types only: nothing has this property. */
declare const rows: unique symbol;

/** apache-arrow's own Schema, which TypeScript knows to be one for rows of the type `Row`. */
export interface TypedSchema<in Row> extends Schema {
  readonly [rows]: (row: Row) => void;
}

/** What a row of this schema is: `type Flight = RowOf<typeof flights>`. */
export type RowOf<S> = [S] extends [TypedSchema<infer Row>] ? Row : never;

export interface DefinedSchemaOptions {
  /** Of the schema as a whole; that of a column by `withMetadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A schema of columns by name, in the order of the object's keys (JavaScript puts keys that are integers first). Each column
 * that is dictionary-encoded gets a dictionary of its own.
 * @throws INVALID_ARGUMENT when `columns` is not an object of column types.
 */
export function schema<F extends ColumnTypes>(
  columns: F,
  { metadata = {} }: DefinedSchemaOptions = {},
): TypedSchema<StructValue<F>> {
  return schemaOf(childrenOf('schema', columns), metadataOf('schema', metadata)) as TypedSchema<StructValue<F>>;
}

/** The same of columns in any order. */
export function schemaOf(columns: readonly Child[], metadata: ReadonlyMap<string, string>): Schema {
  let dictionaries = 0n;
  const nextDictionaryId = () => dictionaries++;
  const fields = columns.map(([name, type]) => type.field(name, name, nextDictionaryId));
  return toArrowSchema({ fields, metadata });
}

import { ArrowlabError } from '../errors.js';
import type { RowFormat } from './build/row-format.js';
import type { TypedSchema } from './define/index.js';
import { describeSchema } from './describe.js';
import type { ParsedField } from './field.js';
import { rowFormat } from './rows/index.js';
import { differenceOf, type ParsedSchema } from './schema.js';
import { asSchema, type SchemaLike } from './shape.js';

/** What says how values become rows: a schema (of `schema({...})`, then TypeScript knows the rows, or any of apache-arrow's), or a format such as `protobufRows` gives. */
export type RowsSchema<T> = TypedSchema<T> | RowFormat<T> | SchemaLike;

/** @throws TABLE_UNRECOGNISED, TYPE_UNSUPPORTED */
export function formatOf<T>(schema: RowsSchema<T>): RowFormat<T> {
  if (isFormat(schema)) return schema;
  return rowFormat(describeSchema(asSchema(schema))) as unknown as RowFormat<T>;
}

/**
 * The format of rows for a stream whose schema was announced already.
 * @throws SCHEMA_MISMATCH naming the field that differs, and as `formatOf`
 */
export function formatFor<T>(announced: ParsedSchema, schema: RowsSchema<T>): RowFormat<T> {
  const { fields } = isFormat(schema) ? schema.parsedSchema : describeSchema(asSchema(schema));
  const difference =
    differenceOf(announced.fields, fields, "the stream's schema") ??
    (isFormat(schema) ? inexactness(announced.fields, fields) : undefined);
  if (difference)
    throw new ArrowlabError('SCHEMA_MISMATCH', `${difference}; write these rows to a stream of their own`);
  return isFormat(schema) ? schema : (rowFormat(announced) as unknown as RowFormat<T>);
}

const isFormat = <T>(schema: RowsSchema<T>): schema is RowFormat<T> =>
  typeof schema === 'object' && schema !== null && 'appender' in schema;

/** A format writes its own nulls and its own dictionaries. */
function inexactness(announced: readonly ParsedField[], fields: readonly ParsedField[]): string | undefined {
  for (const [index, { path, nullable, dictionary, children }] of announced.entries()) {
    const other = fields[index]!;
    if (nullable !== other.nullable)
      return `field ${JSON.stringify(path)} of the stream's schema is ${nullable ? '' : 'not '}nullable, found the opposite`;
    if (dictionary?.id !== other.dictionary?.id)
      return `field ${JSON.stringify(path)} of the stream's schema has dictionary ${dictionary?.id}, found ${other.dictionary?.id}`;
    const below = inexactness(children, other.children);
    if (below) return below;
  }
  return undefined;
}

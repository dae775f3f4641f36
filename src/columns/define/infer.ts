import type { Schema } from 'apache-arrow';
import { invalid, placeIn } from './argument.js';
import { metadataOf } from './column-type.js';
import { found } from './found.js';
import { kindOf } from './sample-kind.js';
import { SamplePlace } from './sample-place.js';
import { Samples } from './samples.js';
import { schemaOf } from './typed-schema.js';

export interface InferenceOptions {
  /**
   * 'always' (by default): every column, item and field is nullable, since later rows may lack what the samples had. 'observed': only
   * what was null or missing in some sample.
   */
  readonly nullable?: 'always' | 'observed';
  /** Texts in ISO 8601 are dates and timestamps, where all of a column are. By default they are texts. */
  readonly isoStrings?: boolean;
  /** Of the schema as a whole. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A schema that the sample rows fit, by the rules of docs/schemas.md. Columns come in the order in which they are first seen. Samples are
 * read once, to the end; what they do not show, such as a column of nulls only, later rows cannot have.
 * @throws INVALID_ARGUMENT when there is no sample; DATA_INVALID naming the row (from 0) and the path of a value that is of another kind
 * than those before it, or that Arrow has no type for.
 */
export function inferSchema(rows: Iterable<object>, options: InferenceOptions = {}): Schema {
  const { nullable = 'always', isoStrings = false, metadata = {} } = options;
  placeIn('inferSchema', 'a rule of nulls', nullable, ['always', 'observed']);
  if (typeof rows !== 'object' || rows === null || !(Symbol.iterator in rows)) {
    throw invalid('inferSchema', 'rows to iterate over', found(rows));
  }
  const place = new SamplePlace();
  const samples = new Samples({ isNullable: nullable === 'always', isoStrings });
  for (const row of rows) {
    if (kindOf(row) !== 'struct') throw place.error('an object', row, 'give rows as objects of values by name');
    samples.add(row, place);
    place.row++;
  }
  if (place.row === 0) throw invalid('inferSchema', 'at least one row', 'none: define the schema');
  return schemaOf(samples.children(), metadataOf('inferSchema', metadata));
}

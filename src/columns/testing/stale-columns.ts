import type { Vector } from 'apache-arrow';
import { toArrowData, toArrowSchema } from '../arrow-js.js';
import type { Column } from '../build/column.js';
import { BatchPlan } from '../build/plan.js';
import type { RowAppender } from '../build/row-format.js';
import type { ParsedSchema } from '../schema.js';
import type { Json } from './random-scalars.js';
import { readJson } from './read-rows.js';

/** Rows, bytes of data of each column that has such, and rows of the child of each list that there is room for. */
export interface Sizes {
  readonly rows: number;
  readonly dataBytes: number;
  readonly childRows: number;
}

/** Empty columns over memory that others have used before, with other bytes for each `seed`. */
export function staleColumns({ fields }: ParsedSchema, { rows, dataBytes, childRows }: Sizes, seed = 91): Column[] {
  const plan = new BatchPlan(fields, rows, { dataBytes: () => dataBytes, childRows: () => childRows });
  const bytes = new Uint8Array(plan.byteLength).map((_, i) => (i * 167 + seed) % 256);
  return plan.columns((byteOffset) => ({ buffer: bytes.buffer, byteOffset }));
}

/** The rows appended to the columns, each in the form of `jsonOf`, read from what apache-arrow is given. */
export function readColumns<T>({ fields }: ParsedSchema, appender: RowAppender<T>, columns: readonly Column[]): Json[] {
  appender.settle();
  const types = toArrowSchema({ fields, metadata: new Map() }).fields;
  const data = columns.map((column, i) => {
    const array = column.toArray((encoded) => appender.dictionaryOf(encoded));
    return toArrowData(array, types[i]!.type, ({ dictionary }) => dictionary as Vector);
  });
  return Array.from({ length: appender.rows }, (_, row) => fields.map((field, i) => readJson(field, data[i]!, row)));
}

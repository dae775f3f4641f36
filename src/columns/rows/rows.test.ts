import type { Vector } from 'apache-arrow';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toArrowData, toArrowSchema } from '../arrow-js.js';
import type { Column } from '../build/column.js';
import { BatchPlan } from '../build/plan.js';
import type { RowAppender, RowFormat } from '../build/row-format.js';
import type { ParsedSchema } from '../schema.js';
import { arbitraryRows, arbitrarySchema, type Json, jsonOf } from '../testing/random-rows.js';
import { readJson } from '../testing/read-rows.js';
import { ObjectFormat, rowFormat } from './format.js';

const BACKENDS: [string, (schema: ParsedSchema) => RowFormat<object>][] = [
  ['generated code', rowFormat],
  ['closures', (schema) => new ObjectFormat(schema, undefined)],
];

/** Rows, bytes of data and rows of children that there is room for. */
interface Sizes {
  readonly rows: number;
  readonly dataBytes: number;
  readonly childRows: number;
}

/** Empty columns over memory that others have used before. */
function staleColumns({ fields }: ParsedSchema, { rows, dataBytes, childRows }: Sizes): Column[] {
  const plan = new BatchPlan(fields, rows, { dataBytes: () => dataBytes, childRows: () => childRows });
  const bytes = new Uint8Array(plan.byteLength).map((_, i) => (i * 167 + 91) % 256);
  return plan.columns((byteOffset) => ({ buffer: bytes.buffer, byteOffset }));
}

/** What has been appended, as apache-arrow has it. */
function readBatch({ fields }: ParsedSchema, appender: RowAppender<object>, columns: readonly Column[]): Json[] {
  appender.settle();
  const types = toArrowSchema({ fields, metadata: new Map() }).fields;
  const data = columns.map((column, i) =>
    toArrowData(
      column.toArray((column) => appender.dictionaryOf(column)),
      types[i]!.type,
      (array) => array.dictionary as Vector,
    ),
  );
  return Array.from({ length: appender.rows }, (_, row) => fields.map((field, i) => readJson(field, data[i]!, row)));
}

/** Appends all rows, to new columns whenever there is no room, the rooms growing where not even one row fits. */
function* appendAll(
  schema: ParsedSchema,
  appender: RowAppender<object>,
  rows: readonly object[],
  sizes: Sizes,
): Iterable<Column[]> {
  let [columns, room] = [staleColumns(schema, sizes), sizes];
  appender.bind(columns);
  for (let i = 0; i < rows.length; ) {
    if (appender.append(rows[i]!, i)) {
      i++;
      continue;
    }
    if (appender.rows === 0)
      room = { rows: room.rows * 2 + 1, dataBytes: room.dataBytes * 2 + 1, childRows: room.childRows * 2 + 1 };
    else yield columns;
    columns = staleColumns(schema, room);
    appender.bind(columns);
  }
  yield columns;
}

const arbitrarySizes = fc.record({ rows: fc.nat(12), dataBytes: fc.nat(200), childRows: fc.nat(20) });
const arbitraryCase = arbitrarySchema().chain((schema) =>
  fc.record({ schema: fc.constant(schema), rows: arbitraryRows(schema) }),
);

test.each(BACKENDS)(
  '%s: rows read as they were appended, through batches that end anywhere, over used memory',
  (_, format) => {
    fc.assert(
      fc.property(arbitraryCase, arbitrarySizes, ({ schema, rows }, sizes) => {
        const appender = format(schema).appender();
        const read: Json[] = [];
        for (const columns of appendAll(schema, appender, rows, sizes))
          read.push(...readBatch(schema, appender, columns));
        expect(read).toEqual(rows.map(jsonOf));
      }),
      { numRuns: 400 },
    );
  },
);

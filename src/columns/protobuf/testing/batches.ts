import type { Data, Vector } from 'apache-arrow';
import { makeVector } from 'apache-arrow';
import { toArrowData, toArrowSchema } from '../../arrow-js.js';
import { bitAt } from '../../bitmap.js';
import type { Column } from '../../build/column.js';
import { BatchPlan } from '../../build/plan.js';
import type { ParsedSchema } from '../../schema.js';
import type { ProtobufAppender } from '../appender.js';
import type { ProtobufFormat } from '../format.js';
import { type Plain, type PlainOptions, plainOfRow } from './plain.js';

/** Rows, bytes and items that a batch has room for. */
export interface BatchRoom {
  readonly rows: number;
  readonly dataBytes: number;
  readonly childRows: number;
}

/** Empty columns over memory full of what is not theirs. */
export function staleColumns(schema: ParsedSchema, { rows, dataBytes, childRows }: BatchRoom): Column[] {
  const plan = new BatchPlan(schema.fields, rows, { dataBytes: () => dataBytes, childRows: () => childRows });
  const buffer = new ArrayBuffer(plan.byteLength);
  new Uint8Array(buffer).fill(0x5a);
  return plan.columns((byteOffset) => ({ buffer, byteOffset }));
}

/** The columns that an appender has filled, as apache-arrow reads them. */
export function arrowColumns(schema: ParsedSchema, appender: ProtobufAppender, columns: readonly Column[]): Data[] {
  appender.settle();
  for (const column of columns) checkBitsPast(column);
  const { fields } = toArrowSchema(schema);
  return columns.map((column, index) => {
    const array = column.toArray((inner) => appender.dictionaryOf(inner));
    return toArrowData(
      array,
      fields[index]!.type,
      ({ dictionary }) => makeVector(dictionary!.data as Data[]) as Vector,
    );
  });
}

/** Bits past the length have to be ones, for rows to come. */
export function checkBitsPast({ validity, length, capacity, field, children }: Column): void {
  for (let row = length; validity && row < capacity; row++) {
    if (bitAt(validity, row) === 0) throw new Error(`${field.path}: bit ${row} past the length ${length} is 0`);
  }
  for (const child of children) checkBitsPast(child);
}

/** The rows of messages, in as many batches as it takes, each with more room than the one before. */
export function bindRows(format: ProtobufFormat, messages: readonly Uint8Array[], options: PlainOptions): Plain[] {
  const { message, parsedSchema } = format;
  const appender = format.appender();
  const rows: Plain[] = [];
  for (let next = 0, factor = 1; next < messages.length; factor *= 2) {
    const columns = staleColumns(parsedSchema, {
      rows: 100 * factor,
      dataBytes: 1000 * factor,
      childRows: 20 * factor,
    });
    appender.bind(columns);
    while (next < messages.length && appender.append(messages[next]!, next)) next++;
    const data = arrowColumns(parsedSchema, appender, columns);
    for (let row = 0; row < appender.rows; row++) rows.push(plainOfRow(message, data, row, options));
  }
  return rows;
}

import { Field, Float64, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';

const COLUMNS = 8;
export const schema = new Schema(Array.from({ length: COLUMNS }, (_, i) => new Field(`c${i}`, new Float64(), false)));

/** A record batch of about `byteLength` bytes: eight float64 columns. */
export function batchOf(byteLength) {
  const length = Math.max(1, Math.floor(byteLength / 8 / COLUMNS));
  const children = schema.fields.map(({ type }, i) =>
    makeData({ type, length, data: new Float64Array(length).fill(i + 0.5) }),
  );
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, children }));
}

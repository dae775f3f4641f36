import { Field, Float64, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { StreamEncoder } from '../../dist/ipc/index.js';
import { Region } from '../../dist/region/index.js';

const COLUMNS = 8;
export const schema = new Schema(Array.from({ length: COLUMNS }, (_, i) => new Field(`c${i}`, new Float64(), false)));

/** Rows of a batch of about `byteLength` bytes. */
export const rowsOf = (byteLength) => Math.max(1, Math.floor(byteLength / 8 / COLUMNS));

/** A record batch of about `byteLength` bytes: eight float64 columns. */
export function batchOf(byteLength) {
  const length = rowsOf(byteLength);
  const children = schema.fields.map(({ type }, i) =>
    makeData({ type, length, data: new Float64Array(length).fill(i + 0.5) }),
  );
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, children }));
}

/** Writes batches of up to `byteLength` bytes into a region that nobody reads, as a stream would, one at a time. */
export function placer(byteLength) {
  const region = new Region({ maxBytes: byteLength + 64 * 2 ** 20, idleMs: 600_000 });
  const encoder = new StreamEncoder(schema);
  const share = region.openShare('bench');
  const writer = { holder: 'bench', sinceMs: 0 };
  return {
    async once(batch) {
      for (const message of encoder.encode(batch)) {
        const extent = await region.allocate({ byteLength: message.byteLength, writer, share });
        message.placeInto(extent);
        extent.drop(writer);
      }
    },
    close: () => region.close(),
  };
}

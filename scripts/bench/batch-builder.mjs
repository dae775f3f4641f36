// Rows, or messages, into record batches, by one appender for all of them, as that of a stream is.
import { formatOf, RowBatcher, toArrowSchema, toRecordBatch } from '../../dist/columns/index.js';

/** Batches of as many rows as there are, in memory that is used again each time, as a region's is. `rowOf`: what is appended of each. */
export function batchBuilder(schema, rowOf = (row) => row) {
  const format = formatOf(schema);
  const arrowSchema = toArrowSchema(format.parsedSchema);
  let batches = [];
  const memory = [];
  const memoryFor = ({ byteLength }) => {
    const at = batches.length;
    if (!(memory[at]?.byteLength >= byteLength)) memory[at] = new ArrayBuffer(byteLength);
    return memory[at];
  };
  const batcher = new RowBatcher(format, {
    batchRows: 65_536,
    maxBytes: 64 * 2 ** 20,
    maxRowBytes: Number.POSITIVE_INFINITY,
    open: (plan) => {
      const buffer = memoryFor(plan);
      return { columns: plan.columns((byteOffset) => ({ buffer, byteOffset })) };
    },
    filled: (_, arrays, rows) => batches.push(toRecordBatch(arrowSchema, arrays, rows)),
    discard: () => {},
  });
  return (rows) => {
    batches = [];
    for (let i = 0; i < rows.length; i++) batcher.append(rowOf(rows[i]));
    batcher.handOver();
    return batches;
  };
}

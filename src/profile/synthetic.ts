import {
  Bool,
  type Data,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';

/** Bytes of one synthetic row: id 8, price 8, quantity 4, time 8, symbol 4 + 8, sold 1/8. */
export const SYNTHETIC_ROW_BYTES = 40.125;

const SCHEMA = new Schema([
  new Field('id', new Int64(), false),
  new Field('price', new Float64(), false),
  new Field('quantity', new Int32(), true),
  new Field('time', new TimestampMillisecond('UTC'), false),
  new Field('symbol', new Utf8(), false),
  new Field('sold', new Bool(), false),
]);

const SYMBOL_BYTES = 8;

/** A batch of trades that look different in every row and are the same in every run. */
function syntheticBatch(first: number, rows: number): RecordBatch {
  const ids = new BigInt64Array(rows);
  const prices = new Float64Array(rows);
  const quantities = new Int32Array(rows);
  const validity = new Uint8Array(Math.ceil(rows / 8));
  const times = new BigInt64Array(rows);
  const offsets = new Int32Array(rows + 1);
  const symbols = new Uint8Array(rows * SYMBOL_BYTES);
  const sold = new Uint8Array(Math.ceil(rows / 8));
  let nulls = 0;
  for (let i = 0; i < rows; i++) {
    const row = first + i;
    const mixed = Math.imul(row, 2654435761) >>> 0;
    ids[i] = BigInt(row);
    prices[i] = mixed / 1e4;
    quantities[i] = mixed % 1000;
    if (row % 10 === 0) nulls++;
    else validity[i >> 3]! |= 1 << (i & 7);
    times[i] = BigInt(1_700_000_000_000 + row);
    offsets[i + 1] = (i + 1) * SYMBOL_BYTES;
    for (let k = 0; k < SYMBOL_BYTES; k++) symbols[i * SYMBOL_BYTES + k] = 65 + ((mixed >>> (3 * k)) % 26);
    if (mixed & 1) sold[i >> 3]! |= 1 << (i & 7);
  }
  const children: Data<DataType>[] = [
    makeData({ type: new Int64(), length: rows, data: ids }),
    makeData({ type: new Float64(), length: rows, data: prices }),
    makeData({ type: new Int32(), length: rows, data: quantities, nullBitmap: validity, nullCount: nulls }),
    makeData({ type: new TimestampMillisecond('UTC'), length: rows, data: times }),
    makeData({ type: new Utf8(), length: rows, valueOffsets: offsets, data: symbols }),
    makeData({ type: new Bool(), length: rows, data: sold }),
  ];
  return new RecordBatch(SCHEMA, makeData({ type: new Struct(SCHEMA.fields), length: rows, children }));
}

/** A table of `rows` synthetic trades in batches of `batchRows`. */
export function syntheticTable(rows: number, batchRows: number): Table {
  const batches: RecordBatch[] = [];
  for (let first = 0; first < rows; first += batchRows)
    batches.push(syntheticBatch(first, Math.min(batchRows, rows - first)));
  return new Table(SCHEMA, batches);
}

import { createRequire } from 'node:module';
import {
  Bool,
  Data,
  Field,
  Float64,
  Int32,
  IntervalDayTime,
  IntervalYearMonth,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromArrays,
  Uint8,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { expect, test } from 'vitest';
import {
  type IncomingMessage,
  type OutgoingMessage,
  type RecordBatchLike,
  type Sink,
  StreamDecoder,
  StreamEncoder,
  schemaOf,
  type TableLike,
} from './index.js';
import { decoded, HeapMessage, placed } from './testing/stream.js';

const rowsOf = (batches: RecordBatch[]) => batches.flatMap((batch) => batch.toArray().map((row) => row.toJSON()));

function sent(table: TableLike | RecordBatchLike, encoder = new StreamEncoder(schemaOf(table))): RecordBatch[] {
  return decoded([encoder.schemaMessage, ...encoder.encode(table)].map(placed));
}

test('a table of another copy of the library, made by require, arrives intact', () => {
  const other = createRequire(import.meta.url)('apache-arrow') as typeof import('apache-arrow');
  expect(other.Table).not.toBe(Table);
  const columns = { a: Int32Array.of(1, 2, 3), b: ['x', null, 'zebra'], c: [true, false, null] };
  const table = other.tableFromArrays(columns);
  const [batch] = sent(table);
  expect(batch).toBeInstanceOf(RecordBatch);
  expect(rowsOf([batch!])).toEqual([
    { a: 1, b: 'x', c: true },
    { a: 2, b: null, c: false },
    { a: 3, b: 'zebra', c: null },
  ]);
});

test('every batch of a table of many chunks arrives, in order', () => {
  const parts = [0, 1, 2, 3].map((i) =>
    tableFromArrays({ n: Int32Array.from({ length: i * 3 }, (_, row) => i * 100 + row) }),
  );
  const table = parts.reduce((all, part) => all.concat(part));
  const batches = sent(table);
  expect(batches.map((batch) => batch.numRows)).toEqual(table.batches.map((batch) => batch.numRows));
  expect(rowsOf(batches)).toEqual(table.toArray().map((row) => row.toJSON()));
});

test('columns that apache-arrow filled up with nulls arrive filled up', () => {
  const short = vectorFromArray(['a', 'b'], new Utf8()).data[0]!;
  const struct = makeData({
    type: new Struct([new Field('x', new Int32())]),
    length: 1,
    children: [vectorFromArray([7], new Int32()).data[0]!],
  });
  const bits = vectorFromArray([true], new Bool()).data[0]!;
  const long = vectorFromArray([1, 2, 3, 4, 5, 6, 7, 8, 9], new Float64()).data[0]!;
  const batch = new RecordBatch({ short, struct, bits, long });
  const [arrived] = sent(batch);
  expect(arrived!.getChild('short')!.toArray()).toEqual(['a', 'b', ...Array(7).fill(null)]);
  expect(arrived!.getChild('bits')!.toJSON()).toEqual([true, ...Array(8).fill(null)]);
  expect(
    arrived!
      .getChild('struct')!
      .toJSON()
      .map((value) => value?.toJSON()),
  ).toEqual([{ x: 7 }, ...Array(8).fill(undefined)]);
});

test('empty strings among nulls arrive', () => {
  const column = vectorFromArray(['', null, '', ''], new Utf8());
  expect(sent(new Table({ column }))[0]!.getChildAt(0)!.toJSON()).toEqual(['', null, '', '']);
});

test('types that pyarrow does not hold, intervals of days and of months, survive', () => {
  const [days, months] = [Int32Array.of(1, 2, 3, 4), Int32Array.of(12, -1)];
  const batch = new RecordBatch({
    days: makeData({ type: new IntervalDayTime(), length: 2, data: days }),
    months: makeData({ type: new IntervalYearMonth(), length: 2, data: months }),
  });
  const [arrived] = sent(batch);
  expect(arrived!.data.children.map(({ values }) => values)).toEqual([days, months]);
});

test('fields of the same name keep their types', () => {
  const fields = [new Field('x', new Int32(), true), new Field('x', new Utf8(), true)];
  const children = [vectorFromArray([1, 2], new Int32()).data[0]!, vectorFromArray(['a', 'b'], new Utf8()).data[0]!];
  const batch = new RecordBatch(new Schema(fields), makeData({ type: new Struct(fields), length: 2, children }));
  const [arrived] = sent(batch);
  expect(arrived!.schema.fields.map(({ type }) => `${type}`)).toEqual(['Int32', 'Utf8']);
  expect(arrived!.getChildAt(0)!.toJSON()).toEqual([1, 2]);
  expect(arrived!.getChildAt(1)!.toJSON()).toEqual(['a', 'b']);
});

test('a batch without columns keeps its rows, and metadata of schema, fields and batch are kept', () => {
  const schema = new Schema([], new Map([['k', 'v']]));
  const batch = new RecordBatch(
    schema,
    makeData({ type: new Struct([]), length: 5, children: [] }),
    new Map([['batch', '1']]),
  );
  const [arrived] = sent(batch);
  expect(arrived!.numRows).toBe(5);
  expect([...arrived!.metadata]).toEqual([['batch', '1']]);
  expect([...arrived!.schema.metadata]).toEqual([['k', 'v']]);
});

test('what is no table is refused by name', () => {
  const encoder = new StreamEncoder(new Schema([new Field('a', new Int32(), true)]));
  for (const value of [null, 5, [], {}, { batches: [1], schema: {} }, vectorFromArray([1]), new Uint8Array(3)]) {
    expect(() => [...encoder.encode(value as unknown as TableLike)]).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' }),
    );
  }
  expect(() => new StreamEncoder({ fields: [{ name: 'a', nullable: true, type: { typeId: 77 } }] })).toThrow(
    /"a".*typeId 77/,
  );
});

test('a batch of another schema, or with nulls where there are none, is refused', () => {
  const encoder = new StreamEncoder(new Schema([new Field('a', new Int32(), false)]));
  const mismatch = expect.objectContaining({ code: 'ERR_ARROWLAB_SCHEMA_MISMATCH' });
  for (const table of [
    tableFromArrays({ b: Int32Array.of(1) }),
    tableFromArrays({ a: Float64Array.of(1) }),
    tableFromArrays({ a: Int32Array.of(1), b: Int32Array.of(1) }),
    new Table({ a: vectorFromArray([1, null], new Int32()) }),
  ]) {
    expect(() => [...encoder.encode(table)]).toThrow(mismatch);
  }
  expect([...encoder.encode(tableFromArrays({ a: Int32Array.of(1) }))]).toHaveLength(1);
});

test('buffers that are too short for their rows, and offsets beyond the data, are refused', () => {
  const type = new Utf8();
  const broken = [
    new Data(new Int32(), 0, 5, 0, [undefined, Int32Array.of(1, 2)]),
    new Data(type, 0, 2, 0, [Int32Array.of(0, 3, 9), new Uint8Array(4)]),
    new Data(type, 0, 2, 0, [Int32Array.of(5, 3, 1), new Uint8Array(9)]),
    new Data(new Bool(), 0, 20, 0, [undefined, new Uint8Array(2)]),
  ];
  for (const data of broken) {
    const batch = new RecordBatch({ a: data });
    expect(() => sent(batch)).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' }));
  }
});

/** Remembers where each buffer was put, instead of having it copied. */
class RecordingSink implements Sink {
  readonly parts: { offset: number; bytes: Uint8Array }[] = [];

  write(offset: number, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
    this.parts.push({ offset, bytes: new Uint8Array(buffer, byteOffset, byteLength) });
  }

  readFrom(): void {
    throw new Error('nothing is read from a file');
  }
}

/** The message over its parts: one window for each buffer, as over a map. */
function windowed(message: OutgoingMessage): IncomingMessage {
  const sink = new RecordingSink();
  message.placeInto(sink);
  return {
    byteLength: message.byteLength,
    bytes(offset, byteLength) {
      const part = sink.parts.find(
        (part) => offset >= part.offset && offset + byteLength <= part.offset + part.bytes.byteLength,
      );
      return part!.bytes.subarray(offset - part!.offset, offset - part!.offset + byteLength);
    },
  };
}

test('a batch of more than 4 GiB has right sizes and reads back over one window for each buffer', () => {
  // Pages that nobody touches cost nothing.
  const rows = 3 * 2 ** 29;
  const columns = [0, 1, 2].map((n) => {
    const data = new Uint8Array(rows);
    data[rows - 1] = n + 1;
    return makeData({ type: new Uint8(), length: rows, data });
  });
  const [a, b, c] = columns;
  const batch = new RecordBatch({ a: a!, b: b!, c: c! });
  const encoder = new StreamEncoder(batch.schema);
  const [message] = [...encoder.encode(batch)];
  expect(message!.byteLength).toBeGreaterThan(3 * rows);
  const decoder = new StreamDecoder({ validate: 'structure' });
  decoder.accept(windowed(encoder.schemaMessage));
  const result = decoder.accept(windowed(message!));
  const read =
    result.kind === 'batch' ? result.batch.data.children.map((child) => [child.length, child.values[rows - 1]]) : [];
  expect(read).toEqual([1, 2, 3].map((value) => [rows, value]));
});

test('every buffer starts at a multiple of 64, and nothing overlaps', () => {
  const table = tableFromArrays({
    a: Int32Array.of(1, 2, 3),
    b: ['x', null, 'zebra'],
    c: [true, null, false],
    d: Float64Array.of(1, 2, 3),
  });
  const encoder = new StreamEncoder(table.schema);
  for (const message of encoder.encode(table)) {
    const sink = new RecordingSink();
    message.placeInto(sink);
    let end = 0;
    for (const { offset, bytes } of sink.parts) {
      expect(offset % 64).toBe(0);
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + bytes.byteLength;
    }
    expect(end).toBeLessThanOrEqual(message.byteLength);
  }
});

test('a message is sized before, and without, reading its buffers, and can be placed again', () => {
  const values = Int32Array.of(1, 2, 3);
  const table = new Table({ a: new Vector([makeData({ type: new Int32(), length: 3, data: values })]) });
  const encoder = new StreamEncoder(table.schema);
  const [message] = [...encoder.encode(table)];
  values[0] = 9;
  const read = () =>
    rowsOf(decoded([placed(encoder.schemaMessage), new HeapMessage(placed(message!).whole)])).map((row) => row.a);
  expect(read()).toEqual([9, 2, 3]);
  values[2] = 7;
  expect(read()).toEqual([9, 2, 7]);
});

test.each([
  ['whole', 0],
  ['a part, whose bits and offsets are shifted', 3],
])('a batch, %s, whose memory is given back after it was sized is refused as released', (_, first) => {
  const columns = { a: Int32Array.of(1, 2, 3, 4), b: ['x', 'yy', 'zzz', 'x'], c: [true, null, false, true] };
  for (const [name, values] of Object.entries(columns)) {
    const [batch] = tableFromArrays({ [name]: values }).slice(first).batches;
    const encoder = new StreamEncoder(batch!.schema);
    for (const { kind, contents, placeInto } of encoder.encode(batch!)) {
      if (kind !== 'batch') continue;
      const sink = new RecordingSink();
      placeInto(sink);
      const [data] = batch!.data.children;
      for (const view of [data!.values, data!.valueOffsets, data!.nullBitmap])
        if (view) structuredClone(view.buffer, { transfer: [view.buffer] });
      expect(contents!.rows).toBe(4 - first);
      expect(() => placeInto(sink)).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_RELEASED' }));
    }
  }
});

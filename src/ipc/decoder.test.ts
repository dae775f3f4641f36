import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Binary,
  BinaryView,
  type Data,
  Dictionary,
  Field,
  Int8,
  Int32,
  List,
  makeData,
  RecordBatch,
  tableFromArrays,
  Union,
  UnionMode,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import { afterAll, expect, test } from 'vitest';
import { copyBatch, readIpc, StreamDecoder, StreamEncoder } from './index.js';
import { PyArrow } from './testing/python.js';
import { decoded, HeapMessage, placed } from './testing/stream.js';

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-decoder-'));
const path = join(folder, 'in.arrows');
const python = new PyArrow();
afterAll(async () => {
  await python.close();
  rmSync(folder, { recursive: true });
});

const codeOf = (code: string) => expect.objectContaining({ code: `ERR_ARROWLAB_${code}` });

async function messagesOf(name: string, options = {}) {
  await python.ask('write', { case: name, path, format: 'stream', options });
  return [...readIpc(readFileSync(path)).messages()].map(placed);
}

function sent(batch: RecordBatch) {
  const encoder = new StreamEncoder(batch.schema);
  return [encoder.schemaMessage, ...encoder.encode(batch)].map(placed);
}

test('types that apache-arrow has no class for are refused with field and type', async () => {
  for (const [name, type] of [
    ['list_view', 'ListView'],
    ['large_list_view', 'LargeListView'],
    ['run_end_encoded', 'RunEndEncoded'],
  ] as const) {
    const [schema] = await messagesOf(name);
    const decoder = new StreamDecoder({ validate: 'structure' });
    expect(() => decoder.accept(schema!)).toThrow(codeOf('TYPE_UNSUPPORTED'));
    expect(() => new StreamDecoder({ validate: 'structure' }).accept(schema!)).toThrow(new RegExp(`"c0" has ${type}`));
  }
});

test('compressed bodies are refused with the codec', async () => {
  const messages = await messagesOf('string', { compression: 'zstd' });
  expect(() => decoded(messages)).toThrow(codeOf('IPC_UNSUPPORTED'));
  expect(() => decoded(messages)).toThrow(/message 1: .*ZSTD/);
});

test('vectors lie in the message itself', async () => {
  for (const name of ['int64', 'decimal128', 'string', 'list', 'string_view', 'dense union']) {
    const messages = await messagesOf(name);
    const memory = new Set(messages.map(({ whole }) => whole.buffer));
    const check = ({ values, valueOffsets, nullBitmap, typeIds, variadicBuffers, children }: Data) => {
      for (const view of [values, valueOffsets, nullBitmap, typeIds, ...variadicBuffers]) {
        if (view?.byteLength > 8) expect(memory.has(view.buffer)).toBe(true);
      }
      children.forEach(check);
    };
    for (const batch of decoded(messages)) batch.data.children.forEach(check);
  }
});

test('messages out of order, of a wrong length, without a marker, are refused', async () => {
  const [schema, batch] = await messagesOf('int32');
  const accept = (...messages: HeapMessage[]) => {
    const decoder = new StreamDecoder({ validate: 'structure' });
    return messages.map((message) => decoder.accept(message));
  };
  const invalid = codeOf('IPC_INVALID');
  expect(accept(schema!, batch!)).toHaveLength(2);
  expect(() => accept(batch!)).toThrow(invalid);
  expect(() => accept(schema!, schema!)).toThrow(invalid);
  expect(() => accept(schema!, new HeapMessage(batch!.whole.subarray(0, -8)))).toThrow(invalid);
  expect(() => accept(schema!, new HeapMessage(Buffer.concat([batch!.whole, new Uint8Array(8)])))).toThrow(invalid);
  expect(() => accept(new HeapMessage(schema!.whole.subarray(4)))).toThrow(invalid);
  expect(() => accept(new HeapMessage(new Uint8Array(8).fill(255, 0, 4)))).toThrow(invalid);
});

test('a message at an odd address is read all the same', () => {
  const batch = tableFromArrays({ n: Float64Array.of(1, 2, 3), s: ['a', null, 'c'] }).batches[0]!;
  const odd = sent(batch).map(({ whole }) => {
    const moved = new Uint8Array(whole.byteLength + 3).subarray(3);
    moved.set(whole);
    return new HeapMessage(moved);
  });
  expect(
    decoded(odd)[0]!
      .toArray()
      .map((row) => row.toJSON()),
  ).toEqual(batch.toArray().map((row) => row.toJSON()));
});

test('a copy of a batch outlives the messages, dictionaries too', async () => {
  for (const name of [
    'string',
    'dictionary of list of dictionary',
    'struct of dictionary',
    'string_view',
    'dense union',
    'fixed list of bool',
    'map',
  ]) {
    const messages = await messagesOf(name);
    const [batch] = decoded(messages);
    const before = JSON.stringify(batch!.toArray().map(String));
    const copy = copyBatch(batch!.slice(3, 90));
    const expected = JSON.stringify(batch!.slice(3, 90).toArray().map(String));
    for (const { whole } of messages) whole.fill(0);
    expect(JSON.stringify(copy.toArray().map(String))).toBe(expected);
    expect(JSON.stringify(batch!.toArray().map(String))).not.toBe(before);
  }
});

// Contents that are wrong, each by one value: column, row and what is wrong are named.
const utf8 = (bytes: number[], ends: number[], nulls?: number) =>
  makeData({
    type: new Utf8(),
    length: ends.length,
    valueOffsets: Int32Array.of(0, ...ends),
    data: Uint8Array.from(bytes),
    ...(nulls !== undefined && { nullBitmap: Uint8Array.of(nulls) }),
  });
const view = (...words: number[]) => new Uint8Array(Int32Array.from(words).buffer);
const prefix = Buffer.from('abcd').readInt32LE();
const text = Buffer.from('abcdefghijklmnop');
const viewed = (type: Utf8View | BinaryView, views: Uint8Array, data: Uint8Array) =>
  makeData({ type: type as BinaryView, length: views.length / 16, views, variadicBuffers: [data] });
const union = new Union(UnionMode.Dense, [3, 7], [new Field('a', new Int32()), new Field('b', new Int32())]);
const dense = (ids: number[], offsets: number[]) =>
  makeData({
    type: union,
    length: ids.length,
    typeIds: Int8Array.from(ids),
    valueOffsets: Int32Array.from(offsets),
    children: [1, 2].map(() => makeData({ type: new Int32(), data: Int32Array.of(1, 2) })),
  });
const coded = (indices: number[], nulls?: number) =>
  makeData({
    type: new Dictionary(new Utf8(), new Int8(), 1),
    data: Int8Array.from(indices),
    dictionary: vectorFromArray(['a', 'b'], new Utf8()),
    ...(nulls !== undefined && { nullBitmap: Uint8Array.of(nulls) }),
  });
const list = (ends: number[]) =>
  makeData({
    type: new List(new Field('item', new Int32())),
    valueOffsets: Int32Array.of(0, ...ends),
    child: makeData({ type: new Int32(), data: Int32Array.of(1, 2, 3, 4) }),
  });

const wrong: [string, Data, number][] = [
  ['UTF-8', utf8([0x61, 0xff], [1, 2]), 1],
  ['a character cut in two', utf8([0xc3, 0xa9], [1, 2]), 0],
  ['offsets that shrink', utf8([0x61, 0x61, 0x61], [2, 1, 3]), 1],
  ['list offsets that shrink', list([3, 1, 4]), 1],
  ['an index beyond the dictionary', coded([0, 1, 2]), 2],
  ['a negative index', coded([0, -1]), 1],
  ['a type id of none', dense([3, 4], [0, 0]), 1],
  ["an offset beyond the union's child", dense([3, 7], [0, 2]), 1],
  ['a view of a negative length', viewed(new BinaryView(), view(-1, 0, 0, 0), text), 0],
  ['a view of no buffer', viewed(new BinaryView(), view(13, prefix, 1, 0), text), 0],
  ['a view beyond its buffer', viewed(new BinaryView(), view(13, prefix, 0, 4), text), 0],
  ['a view with another prefix', viewed(new BinaryView(), view(13, prefix + 1, 0, 0), text), 0],
  ['a view that is no text', viewed(new Utf8View(), view(1, 0xff, 0, 0), text), 0],
];

test.each(wrong)('%s is found by validate full, with column and row', (_, data, row) => {
  const messages = sent(new RecordBatch({ bad: data }));
  const place = new RegExp(`message \\d: column "bad", row ${row}: expected `);
  expect(() => decoded(messages)).toThrow(codeOf('DATA_INVALID'));
  expect(() => decoded(messages)).toThrow(place);
  const unchecked = new StreamDecoder({ validate: 'structure' });
  expect(() => messages.map((message) => unchecked.accept(message))).not.toThrow();
});

test('odd contents that harm nobody pass', () => {
  const odd = [
    utf8([0x61, 0xff], [1, 2], 0b01),
    coded([0, 99], 0b01),
    viewed(new Utf8View(), view(13, prefix, 0, 0, 3, 0x616161, 77, 88), text),
    dense([3, 7, 3], [1, 1, 0]),
    makeData({ type: new Binary(), length: 2, valueOffsets: Int32Array.of(0, 1, 1), data: Uint8Array.of(255, 3, 4) }),
  ];
  for (const data of odd) expect(() => decoded(sent(new RecordBatch({ odd: data })))).not.toThrow();
});

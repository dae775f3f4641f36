import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Dictionary,
  Field,
  Int8,
  Int32,
  List,
  makeBuilder,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { afterAll, expect, test } from 'vitest';
import { MAX_DELTAS } from './dictionaries.js';
import { type OutgoingMessage, readIpc, StreamDecoder, StreamEncoder } from './index.js';
import { PyArrow } from './testing/python.js';
import { decoded, placed, writeMessages } from './testing/stream.js';

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-dictionaries-'));
const path = join(folder, 'out.arrows');
const python = new PyArrow();
afterAll(async () => {
  await python.close();
  rmSync(folder, { recursive: true });
});

const type = new Dictionary(new Utf8(), new Int32(), 3);
const schema = new Schema([new Field('word', type, true)]);
const words = (values: (string | null)[]) => vectorFromArray(values, new Utf8());

/** A batch of one column of indices into a dictionary. */
function batchOf(indices: (number | null)[], dictionary: Vector): RecordBatch {
  const data = makeData({ type, length: indices.length, ...indicesOf(indices), dictionary });
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: indices.length, children: [data] }),
  );
}

function indicesOf(indices: (number | null)[]) {
  const { values, nullBitmap, nullCount } = vectorFromArray(indices, new Int32()).data[0]!;
  return { data: values, nullBitmap, nullCount };
}

/** All messages, and of each batch what dictionaries went before it. */
function encoded(batches: RecordBatch[], encoder = new StreamEncoder(schema)) {
  const messages: OutgoingMessage[] = [encoder.schemaMessage];
  const before = batches.map((batch) => {
    const added = [...encoder.encode(batch)];
    messages.push(...added);
    return added
      .filter(({ kind }) => kind === 'dictionary')
      .map(({ isDelta, rows }) => `${isDelta ? 'delta' : 'whole'} ${rows}`);
  });
  return { encoder, messages, before };
}

const valuesOf = (batches: RecordBatch[]) => batches.map((batch) => batch.getChildAt(0)!.toJSON());

async function expectValues(messages: OutgoingMessage[], expected: (string | null)[][]) {
  expect(valuesOf(decoded(messages.map(placed)))).toEqual(expected);
  writeMessages(path, messages);
  const { columns, ...stats } = await python.ask<{ columns: string[][]; deltas: number; replacements: number }>(
    'read',
    { path },
  );
  expect(columns).toEqual(expected.map((values) => values.map((value) => value ?? 'None')));
  return stats;
}

test('a dictionary is sent once, a grown one as a delta, another one as a replacement', async () => {
  const [ab, other] = [words(['a', 'b']), words(['z', 'y', null])];
  const abcd = ab.concat(words(['c', 'd']));
  const { messages, before } = encoded([
    batchOf([0, 1, null], ab),
    batchOf([1, 1], ab),
    batchOf([3, 0], abcd),
    batchOf([1, 2], other),
    batchOf([0], words(['z', 'y', null])),
  ]);
  expect(before).toEqual([['whole 2'], [], ['delta 2'], ['whole 3'], []]);
  const stats = await expectValues(messages, [['a', 'b', null], ['b', 'b'], ['d', 'a'], ['y', null], ['z']]);
  expect(stats).toMatchObject({ deltas: 1, replacements: 1 });
});

test('growth is found by content, whatever the parts', async () => {
  const { messages, before } = encoded([
    batchOf([0], words(['a', 'b']).concat(words(['c']))),
    batchOf([3], words(['a', 'b', 'c', 'd'])),
    batchOf([4], words(['a']).concat(words(['b', 'c', 'd', 'e']), words(['f']))),
    batchOf([1], words(['a', 'b'])),
  ]);
  expect(before).toEqual([['whole 2', 'delta 1'], ['delta 1'], ['delta 1', 'delta 1'], []]);
  await expectValues(messages, [['a'], ['d'], ['e'], ['b']]);
});

test('an empty dictionary can be sent and grow', async () => {
  const { messages, before } = encoded([batchOf([null], words([])), batchOf([0], words(['a']))]);
  expect(before).toEqual([['whole 0'], ['whole 1']]);
  await expectValues(messages, [[null], ['a']]);
});

test('a dictionary that grows on and on comes whole again after many deltas, as one message', async () => {
  const all = Array.from({ length: 2 * MAX_DELTAS + 3 }, (_, i) => `${i}`);
  const dictionaries = all.map((_, i) => (i === 0 ? words(['0']) : words(all.slice(0, i)).concat(words([all[i]!]))));
  const { messages, before } = encoded(dictionaries.map((dictionary, i) => batchOf([i, 0], dictionary)));
  const again = (rows: number) => [[`whole ${rows}`], ...Array(MAX_DELTAS).fill(['delta 1'])];
  expect(before).toEqual([...again(1), ...again(MAX_DELTAS + 2), [`whole ${2 * MAX_DELTAS + 3}`]]);
  await expectValues(
    messages,
    all.map((value) => [value, '0']),
  );
});

test('a dictionary counts as sent only once the next message is asked for', async () => {
  const encoder = new StreamEncoder(schema);
  for (const _ of encoder.encode(batchOf([0], words(['a'])))) break;
  const { before } = encoded([batchOf([0], words(['a']))], encoder);
  expect(before).toEqual([['whole 1']]);
});

test('a builder that goes on growing its dictionary sends deltas', async () => {
  const builder = makeBuilder({ type: new Dictionary(new Utf8(), new Int32(), 3) });
  const flush = (values: string[]) => {
    for (const value of values) builder.append(value);
    const data = builder.flush();
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: data.length, children: [data] }),
    );
  };
  const { messages, before } = encoded([flush(['x', 'y', 'x']), flush(['y', 'z']), flush(['x'])]);
  expect(before).toEqual([['whole 2'], ['delta 1'], []]);
  await expectValues(messages, [['x', 'y', 'x'], ['y', 'z'], ['x']]);
});

const inner = new Dictionary(new Utf8(), new Int8(), 1);
const outer = new Dictionary(new List(new Field('item', inner, true)), new Int8(), 2);
const nestedSchema = new Schema([new Field('lists', outer, true)]);

/** A column of indices into a dictionary of lists of indices into a dictionary of words. */
function nestedBatch(indices: number[], lists: number[][], vocabulary: Vector): RecordBatch {
  const items = makeData({ type: inner, data: Int8Array.from(lists.flat()), dictionary: vocabulary });
  const ends = lists.map((_, i) => lists.slice(0, i + 1).flat().length);
  const values = makeData({
    type: outer.dictionary,
    length: lists.length,
    valueOffsets: Int32Array.of(0, ...ends),
    child: items,
  });
  const data = makeData({ type: outer, data: Int8Array.from(indices), dictionary: new Vector([values]) });
  return new RecordBatch(
    nestedSchema,
    makeData({ type: new Struct(nestedSchema.fields), length: indices.length, children: [data] }),
  );
}

test('a dictionary whose values refer to another comes again, whole, when it grows or the other is replaced', async () => {
  const { messages, before } = encoded(
    [
      nestedBatch([0, 1], [[0, 1], [1]], words(['a', 'b'])),
      nestedBatch([1], [[0, 1], [1]], words(['a', 'b', 'c'])),
      nestedBatch([2], [[0, 1], [1], [2, 0]], words(['a', 'b', 'c'])),
      nestedBatch([2], [[0, 1], [1], [2, 0]], words(['x', 'y', 'z'])),
    ],
    new StreamEncoder(nestedSchema),
  );
  expect(before).toEqual([['whole 2', 'whole 2'], ['delta 1'], ['whole 3'], ['whole 3', 'whole 3']]);
  const found = decoded(messages.map(placed)).map((batch) =>
    batch
      .getChildAt(0)!
      .toJSON()
      .map((list) => list.toJSON()),
  );
  expect(found).toEqual([[['a', 'b'], ['b']], [['b']], [['c', 'a']], [['z', 'x']]]);
  writeMessages(path, messages);
  const { columns } = await python.ask<{ columns: string[][] }>('read', { path });
  expect(columns).toEqual([["['a', 'b']", "['b']"], ["['b']"], ["['c', 'a']"], ["['z', 'x']"]]);
});

test('a dictionary may come before the one its values refer to, as long as both come before the batch', () => {
  const batch = nestedBatch([1, 0], [[0, 1], [1]], words(['a', 'b']));
  const { messages } = encoded([batch], new StreamEncoder(nestedSchema));
  const [schemaMessage, innerMessage, outerMessage, batchMessage] = messages.map(placed);
  const [found] = decoded([schemaMessage!, outerMessage!, innerMessage!, batchMessage!]);
  expect(
    found!
      .getChildAt(0)!
      .toJSON()
      .map((list) => list.toJSON()),
  ).toEqual([['b'], ['a', 'b']]);
  const tooShort = encoded([nestedBatch([0], [[0]], words(['a']))], new StreamEncoder(nestedSchema)).messages.map(
    placed,
  )[1];
  expect(() => decoded([schemaMessage!, outerMessage!, tooShort!, batchMessage!])).toThrow(
    /column "lists.item", row 1: expected an index below 1, the dictionary's length, found 1/,
  );
});

test('two dictionaries of one id in a batch are refused', () => {
  const fields = [new Field('a', type, true), new Field('b', type, true)];
  const make = (dictionaries: Vector[]) => {
    const children = dictionaries.map((dictionary) => makeData({ type, data: Int32Array.of(0), dictionary }));
    return new RecordBatch(new Schema(fields), makeData({ type: new Struct(fields), length: 1, children }));
  };
  const encode = (batch: RecordBatch) => [...new StreamEncoder(batch.schema).encode(batch)];
  expect(() => encode(make([words(['a']), words(['b'])]))).toThrow(
    expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' }),
  );
  expect(encode(make([words(['a']), words(['a', 'b'])])).map(({ rows }) => rows)).toEqual([1, 1, 1]);
});

test('batches name the messages they lie in, and the decoder keeps dictionaries until they are replaced', () => {
  const { messages } = encoded([
    batchOf([0], words(['a'])),
    batchOf([1], words(['a', 'b'])),
    batchOf([0], words(['z'])),
  ]);
  const [schemaMessage, first, batch1, delta, batch2, replacement, batch3] = messages.map(placed);
  const decoder = new StreamDecoder({ validate: 'structure' });
  const messagesOf = (result: ReturnType<StreamDecoder['accept']>) =>
    result.kind === 'batch' ? result.messages : undefined;
  decoder.accept(schemaMessage!);
  decoder.accept(first!);
  expect(messagesOf(decoder.accept(batch1!))).toEqual([batch1, first]);
  decoder.accept(delta!);
  expect(messagesOf(decoder.accept(batch2!))).toEqual([batch2, first, delta]);
  expect([first, delta].map((message) => message!.keepers)).toEqual([1, 1]);
  decoder.accept(replacement!);
  expect([first, delta, replacement].map((message) => message!.keepers)).toEqual([0, 0, 1]);
  expect(messagesOf(decoder.accept(batch3!))).toEqual([batch3, replacement]);
  decoder.close();
  expect(replacement!.keepers).toBe(0);
});

test('batches keep the dictionary they were sent with', () => {
  const { messages } = encoded([batchOf([0], words(['a'])), batchOf([0], words(['z']))]);
  const batches = decoded(messages.map(placed));
  expect(valuesOf(batches)).toEqual([['a'], ['z']]);
  expect(new Table(batches).getChildAt(0)!.toJSON()).toEqual(['a', 'z']);
});

test('indices without a dictionary are refused unless all are null', () => {
  const { messages } = encoded([batchOf([0], words(['a'])), batchOf([null, null], words(['a']))]);
  const [schemaMessage, dictionary, valid, nulls] = messages.map(placed);
  expect(() => decoded([schemaMessage!, valid!])).toThrow(/field "word": expected an? .*|dictionary/);
  expect(valuesOf(decoded([schemaMessage!, nulls!]))).toEqual([[null, null]]);
  expect(() => decoded([schemaMessage!, dictionary!, valid!])).not.toThrow();
  expect(readIpc(Buffer.concat([schemaMessage!.whole, nulls!.whole])).schema.fields).toHaveLength(1);
});

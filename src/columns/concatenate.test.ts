import {
  BinaryView,
  Bool,
  Data,
  type DataType,
  DenseUnion,
  Field,
  FixedSizeList,
  Int32,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  Null,
  Struct,
  Utf8,
  Utf8View,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ArrayNode, intBytes, intsOf } from './array.js';
import { toArrowData } from './arrow-js.js';
import { EMPTY_BUFFER, MemoryBuffer } from './buffer.js';
import { concatenate } from './concatenate.js';
import { arrayOfData } from './data.js';
import { describeFields } from './describe.js';
import { ParsedField } from './field.js';
import type { ArrowType } from './type.js';

const strings = ['a', null, 'longer than twelve bytes', '', 'ünï', null, 'x'];
const item = (type: DataType) => new Field('item', type, true);
const structs = new Struct([item(new Int32()), new Field('b', new Bool(), true)]);
const union = new DenseUnion([0, 1], [item(new Int32()), new Field('s', new Utf8(), true)]);

const columns: [string, Data][] = [
  ['utf8', vectorFromArray(strings, new Utf8()).data[0]!],
  ['large utf8', vectorFromArray(strings, new LargeUtf8()).data[0]!],
  ['utf8 view', vectorFromArray(strings, new Utf8View()).data[0]!],
  ['bool', vectorFromArray([true, null, false, true, true, null, false], new Bool()).data[0]!],
  ['null', makeData({ type: new Null(), length: 7 })],
  ['list', vectorFromArray([[1], null, [], [2, 3], [null], [4, 5, 6], []], new List(item(new Int32()))).data[0]!],
  [
    'fixed list',
    vectorFromArray([[1, 2], null, [3, 4], [5, 6], null, [7, 8], [9, 0]], new FixedSizeList(2, item(new Int32())))
      .data[0]!,
  ],
  [
    'struct',
    vectorFromArray(
      [1, 2, null, 4, 5, 6, 7].map((n) => n && { item: n, b: n % 2 === 0 }),
      structs,
    ).data[0]!,
  ],
  [
    'dense union',
    makeData({
      type: union,
      length: 7,
      typeIds: Int8Array.of(0, 1, 1, 0, 1, 0, 0),
      valueOffsets: Int32Array.of(0, 0, 1, 1, 2, 2, 3),
      children: [
        vectorFromArray([1, 2, 3, 4], new Int32()).data[0]!,
        vectorFromArray(['p', null, 'r'], new Utf8()).data[0]!,
      ],
    }),
  ],
];

const texts = (data: Data) => [...new Vector([data])].map(String);

test.each(columns)('%s: the parts of an array, wherever it is cut, make up the array again', (_, data) => {
  const [field] = describeFields([new Field('x', data.type, true)]);
  fc.assert(
    fc.property(fc.array(fc.nat(data.length), { maxLength: 4 }), (cuts) => {
      const bounds = [0, ...cuts.sort((a, b) => a - b), data.length];
      const parts = bounds.slice(1).map((end, i) => arrayOfData(field!, data, bounds[i], end - bounds[i]!));
      const whole = concatenate(parts);
      expect(whole.nullCount).toBe(arrayOfData(field!, data).nullCount);
      expect(texts(toArrowData(whole, data.type, () => undefined))).toEqual(texts(data));
    }),
  );
});

const field = (type: ArrowType, children: ParsedField[] = []) =>
  new ParsedField('x', { name: 'x', nullable: true, type, children, dictionary: null, metadata: new Map() });

const int32s = field({ name: 'Int', bitWidth: 32, isSigned: true });

const node = (field: ParsedField, length: number, buffers: number[][], children: ArrayNode[] = []): ArrayNode => ({
  field,
  length,
  nullCount: 0,
  validity: EMPTY_BUFFER,
  buffers: buffers.map((ints) => new MemoryBuffer(intBytes(ints.length, 4, (i) => ints[i]!))),
  children,
});

const intsIn = (array: ArrayNode, buffer: number) => Array.from(intsOf(array.buffers[buffer]!.bytes(), 4), Number);

test('views of each part go on naming the buffers that came with it', () => {
  const texts = ['first buffer of a', 'the second one of a', 'the only one of b'];
  const part = (values: string[]) =>
    makeData({
      type: new BinaryView(),
      length: values.length,
      views: Uint8Array.from(
        values.flatMap((value, i) => [...Buffer.from(Int32Array.of(value.length, 0, i, 0).buffer)]),
      ),
      variadicBuffers: values.map((value) => Buffer.from(value)),
    });
  const [field] = describeFields([new Field('x', new BinaryView(), true)]);
  const whole = concatenate([part(texts.slice(0, 2)), part(texts.slice(2))].map((data) => arrayOfData(field!, data)));
  const joined = new Vector([toArrowData(whole, new BinaryView(), () => undefined)]);
  expect([...joined].map((bytes) => Buffer.from(bytes!).toString())).toEqual(texts);
});

test('list views refer to the joined child, run ends go on from part to part', () => {
  const views = field({ name: 'ListView' }, [int32s]);
  const joined = concatenate([
    node(
      views,
      2,
      [
        [1, 0],
        [2, 1],
      ],
      [node(int32s, 3, [[7, 8, 9]])],
    ),
    node(views, 1, [[1], [1]], [node(int32s, 2, [[5, 6]])]),
  ]);
  expect([intsIn(joined, 0), intsIn(joined, 1), intsIn(joined.children[0]!, 0)]).toEqual([
    [1, 0, 4],
    [2, 1, 1],
    [7, 8, 9, 5, 6],
  ]);

  const runs = field({ name: 'RunEndEncoded' }, [int32s, int32s]);
  const part = (length: number, ends: number[], values: number[]) =>
    node(runs, length, [], [node(int32s, ends.length, [ends]), node(int32s, values.length, [values])]);
  const run = concatenate([part(5, [2, 5], [10, 20]), part(4, [1, 4], [30, 40])]);
  expect(run.length).toBe(9);
  expect([intsIn(run.children[0]!, 0), intsIn(run.children[1]!, 0)]).toEqual([
    [2, 5, 6, 9],
    [10, 20, 30, 40],
  ]);
});

test('what 32-bit offsets cannot reach, and lists with gaps, are refused', () => {
  const utf8 = field({ name: 'Utf8' });
  const huge = (last: number) => node(utf8, 1, [[0, last], []]);
  const unsupported = expect.objectContaining({ code: 'ERR_ARROWLAB_IPC_UNSUPPORTED' });
  expect(() => concatenate([huge(2 ** 31 - 1), huge(1)])).toThrow(unsupported);
  const lists = field({ name: 'List' }, [int32s]);
  const gappy = node(lists, 1, [[1, 2]], [node(int32s, 3, [[1, 2, 3]])]);
  expect(() => concatenate([gappy, gappy])).toThrow(unsupported);
});

test('a single part is the whole', () => {
  const only = makeVector(Int32Array.of(1, 2)).data[0]!;
  expect(only).toBeInstanceOf(Data);
  const array = arrayOfData(int32s, only);
  expect(concatenate([array])).toBe(array);
});

import type { Vector } from 'apache-arrow';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column } from '../build/column.js';
import type { RowAppender } from '../build/row-format.js';
import type { ParsedField } from '../field.js';
import type { ParsedSchema } from '../schema.js';
import { arbitraryRows, jsonOf } from '../testing/random-rows.js';
import { field, schemaOf } from '../testing/single-column.js';
import { readColumns, staleColumns } from '../testing/stale-columns.js';
import type { ArrowType, IntType } from '../type.js';
import { rowFormat } from './format.js';

const int = (bitWidth: number, isSigned = true): IntType => ({ name: 'Int', bitWidth, isSigned });
const utf8: ArrowType = { name: 'Utf8' };
const SIZES = { rows: 500, dataBytes: 0, childRows: 500 };

const encoded = (type: ArrowType, index: IntType, more: Parameters<typeof field>[2] = {}) =>
  field('x', type, { ...more, index });

/** Appends values to a new batch; gives the batch. */
function appendAll(schema: ParsedSchema, appender: RowAppender<object>, values: readonly unknown[]): Column {
  const columns = staleColumns(schema, SIZES);
  appender.bind(columns);
  for (const [i, x] of values.entries()) expect(appender.append({ x }, i)).toBe(true);
  return columns[0]!;
}

function valuesOf(x: ParsedField, values: readonly unknown[]) {
  const schema = schemaOf(x);
  const appender = rowFormat(schema).appender();
  const column = appendAll(schema, appender, values);
  appender.settle();
  return {
    indices: Array.from(column.values!.subarray(0, values.length), Number),
    dictionary: appender.dictionaryOf(column),
  };
}

test.each<[string, ArrowType, unknown[], number[]]>([
  ['strings', utf8, ['b', 'a', 'b', '', 'a'], [0, 1, 0, 2, 1]],
  ['integers in any form', int(64), [1, 1n, 2n ** 60n, 2, 2n ** 60n], [0, 0, 1, 2, 1]],
  [
    'floats: NaN is one value, zeros are two',
    { name: 'FloatingPoint', precision: 2 },
    [Number.NaN, 0, -0, Number.NaN, 0, -0, 1],
    [0, 1, 2, 0, 1, 2, 3],
  ],
  ['floats that are the same in 32 bits', { name: 'FloatingPoint', precision: 1 }, [0.1, Math.fround(0.1)], [0, 0]],
  ['booleans', { name: 'Bool' }, [true, false, true], [0, 1, 0]],
  ['bytes', { name: 'Binary' }, [Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(1).buffer], [0, 1, 0]],
  [
    'decimals',
    { name: 'Decimal', precision: 9, scale: 2, bitWidth: 128 },
    ['1.5', 1.5, '1.50', 2n, '2'],
    [0, 0, 0, 1, 1],
  ],
  ['dates', { name: 'Date', unit: 0 }, [new Date(5), '1970-01-01', 86_400_000], [0, 0, 1]],
  ['long views', { name: 'Utf8View' }, ['a string beyond twelve', 'short', 'a string beyond twelve'], [0, 1, 0]],
])('%s: a value has one index', (_, type, values, expected) => {
  const { indices, dictionary } = valuesOf(encoded(type, int(16)), values);
  expect(indices).toEqual(expected);
  expect(dictionary.length).toBe(Math.max(...expected) + 1);
});

test('structs and lists are told apart by what they hold', () => {
  const item = field('item', utf8, { nullable: true });
  const lists = encoded({ name: 'List' }, int(8), { children: [item] });
  expect(valuesOf(lists, [['a', 'b'], ['ab'], ['a', 'b'], [null], [''], [], [null]]).indices).toEqual([
    0, 1, 0, 2, 3, 4, 2,
  ]);
  const structs = encoded({ name: 'Struct' }, int(8), { children: [field('a', utf8), field('b', utf8)] });
  const [first, second] = [
    { a: '1:', b: '' },
    { a: '1', b: ':' },
  ];
  expect(valuesOf(structs, [first, second, first, second]).indices).toEqual([0, 1, 0, 1]);
});

test('parts once given stay the same objects, new values are one new part, and many parts become one', () => {
  const schema = schemaOf(encoded(utf8, int(32)));
  const appender = rowFormat(schema).appender();
  let before: readonly object[] = [];
  let [merges, expected] = [0, 0];
  for (let batch = 0; batch < 200; batch++) {
    const values = Array.from({ length: (batch % 4) * 30 }, (_, i) => `value ${batch} ${i}`);
    const column = appendAll(schema, appender, [...values, ...values]);
    expected += values.length;
    const { data, length } = appender.dictionaryOf(column);
    expect(length).toBe(expected);
    expect(appender.dictionaryOf(column).data).toEqual(data);
    if (expected > 0 && before.length > data.length) {
      merges++;
      expect(data.length).toBe(1);
    } else if (values.length > 0 && expected > values.length) {
      expect(data.slice(0, -1)).toEqual(before);
      for (const [i, part] of before.entries()) expect(data[i]).toBe(part);
    }
    before = [...data];
    expect(readColumns(schema, appender, [column])).toEqual([...values, ...values].map((value) => [value]));
  }
  expect(merges).toBe(2);
});

test('a dictionary without values is one, until it has some', () => {
  const schema = schemaOf(encoded(utf8, int(8), { nullable: true }));
  const appender = rowFormat(schema).appender();
  const empty = appender.dictionaryOf(appendAll(schema, appender, [null, undefined]));
  expect([empty.length, empty.data.length]).toEqual([0, 1]);
  const column = appendAll(schema, appender, [null, 'x']);
  expect([...(appender.dictionaryOf(column) as Vector)]).toEqual(['x']);
  expect(readColumns(schema, appender, [column])).toEqual([[null], ['x']]);
});

test.each([
  [int(8), 128, 'int8'],
  [int(8, false), 256, 'uint8'],
])('%o indices have room for %i values; the next is refused, the others go on', (index, count, name) => {
  const schema = schemaOf(encoded(int(32), index));
  const appender = rowFormat(schema).appender();
  const values = Array.from({ length: count }, (_, i) => i);
  const column = appendAll(schema, appender, values);
  for (let i = 0; i < 3; i++) {
    expect(() => appender.append({ x: -1 - i }, count)).toThrow(
      `row ${count}: x: expected one of at most ${count} different values, as ${name} indices can tell apart, found ${-1 - i}`,
    );
  }
  expect(appender.append({ x: count - 1 }, count)).toBe(true);
  expect(readColumns(schema, appender, [column])).toEqual([...values, count - 1].map((value) => [value]));
  expect(appender.dictionaryOf(column).length).toBe(count);
});

test('fields of one dictionary share its values; others of its id are refused', () => {
  const schema = schemaOf(field('a', utf8, { index: int(8) }), field('b', utf8, { index: int(32) }));
  const appender = rowFormat(schema).appender();
  const columns = staleColumns(schema, SIZES);
  appender.bind(columns);
  appender.append({ a: 'x', b: 'y' }, 0);
  appender.append({ a: 'y', b: 'x' }, 1);
  expect(readColumns(schema, appender, columns)).toEqual([
    ['x', 'y'],
    ['y', 'x'],
  ]);
  expect(appender.dictionaryOf(columns[0]!)).toBe(appender.dictionaryOf(columns[1]!));
  const other = schemaOf(field('a', utf8, { index: int(8) }), field('b', int(8), { index: int(8) }));
  expect(() => rowFormat(other)).toThrow('field "b": expected the values of dictionary 0 as in the fields before it');
});

test('a value larger than any before it finds room', () => {
  const schema = schemaOf(encoded({ name: 'List' }, int(16), { children: [field('item', utf8)] }));
  const appender = rowFormat(schema).appender();
  const values = [['a'], Array.from({ length: 5000 }, (_, i) => `item ${i} of many`), ['b'], ['x'.repeat(1e6)], ['a']];
  const column = appendAll(schema, appender, values);
  expect(readColumns(schema, appender, [column])).toEqual(values.map((value) => [value]));
  expect(appender.dictionaryOf(column).length).toBe(4);
});

test('dictionaries within dictionaries read as the rows were, through many batches', () => {
  const name = field('name', utf8, { index: int(8), id: 7n, nullable: true });
  const schema = schemaOf(encoded({ name: 'Struct' }, int(16), { children: [name] }));
  fc.assert(
    fc.property(fc.array(arbitraryRows(schema), { maxLength: 6 }), (batches) => {
      const appender = rowFormat(schema).appender();
      for (const rows of batches) {
        const columns = staleColumns(schema, SIZES);
        appender.bind(columns);
        for (const [i, row] of rows.entries()) appender.append(row, i);
        expect(readColumns(schema, appender, columns)).toEqual(rows.map(jsonOf));
        expect(appender.dictionaryOf(columns[0]!).data.length).toBe(1);
      }
    }),
    { numRuns: 100 },
  );
});

test.each<[string, ArrowType, (i: number) => unknown]>([
  ['strings', utf8, (i) => `value ${i}`],
  ['integers', int(32), (i) => (i % 2 ? i : BigInt(i))],
  ['long views', { name: 'Utf8View' }, (i) => `a string beyond twelve ${i}`],
])('%s that refused rows alone had take no index', (_, type, valueAt) => {
  const list = field('x', { name: 'List' }, { children: [field('item', type, { index: int(8) })] });
  const schema = schemaOf(list, field('n', int(32)));
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          isGood: fc.boolean(),
          isNext: fc.boolean(),
          isRead: fc.boolean(),
          first: fc.nat(60),
          count: fc.nat(100),
        }),
      ),
      (steps) => {
        const appender = rowFormat(schema).appender();
        const begin = () => staleColumns(schema, { rows: 500, dataBytes: 0, childRows: 20_000 });
        let columns = begin();
        appender.bind(columns);
        let rows: unknown[][] = [];
        const indices = new Map<number, number>();
        for (const { isGood, isNext, isRead, first, count } of [
          ...steps,
          { isGood: true, isNext: true, isRead: true, first: 0, count: 1 },
        ]) {
          // Good rows have few different values; each refused one has a new one.
          const places = isGood ? Array.from({ length: count }, (_, i) => (first + i) % 100) : [100 + first];
          const x = places.map(valueAt);
          if (isGood) {
            expect(appender.append({ x, n: 1 }, rows.length)).toBe(true);
            rows.push([x.map(Number).some(Number.isNaN) ? x : x.map(Number), 1]);
            for (const place of places) if (!indices.has(place)) indices.set(place, indices.size);
          } else expect(() => appender.append({ x, n: 'x' }, rows.length)).toThrow(`row ${rows.length}: `);
          if (!isNext) continue;
          if (isRead) {
            expect(readColumns(schema, appender, columns)).toEqual(rows);
            expect(appender.dictionaryOf(columns[0]!.children[0]!).length).toBe(indices.size);
          }
          columns = begin();
          appender.bind(columns);
          rows = [];
        }
      },
    ),
    { numRuns: 60 },
  );
});

import { expect, test } from 'vitest';
import type { ParsedField } from '../field.js';
import { field, schemaOf } from '../testing/single-column.js';
import { readColumns, staleColumns } from '../testing/stale-columns.js';
import type { ArrowType } from '../type.js';
import { ObjectFormat, rowFormat } from './format.js';

const utf8: ArrowType = { name: 'Utf8' };
const float: ArrowType = { name: 'FloatingPoint', precision: 2 };
const struct: ArrowType = { name: 'Struct' };
const map = (key: ArrowType, value: ParsedField): [ArrowType, { children: ParsedField[] }] => [
  { name: 'Map', keysSorted: false },
  { children: [field('entries', struct, { children: [field('key', key), value] })] },
];

const schema = schemaOf(
  field('where', struct, { children: [field('lat', float), field('a "b"', float, { nullable: true })] }),
  field('tags', { name: 'List' }, { children: [field('item', utf8)] }),
  field('attributes', ...map(utf8, field('value', float))),
  field('pair', { name: 'FixedSizeList', listSize: 2 }, { children: [field('item', float)] }),
  field('either', { name: 'Union', mode: 1, typeIds: [3, 5] }, { children: [field('n', float), field('t', utf8)] }),
);
const row = { where: { lat: 1 }, tags: ['a'], attributes: { k: 1 }, pair: [1, 2], either: { n: 1 } };

const entryText = 'a Map, entries of [key, value], or an object where keys are strings';
const cases: [string, unknown][] = [
  ['expected an object, found 5', 5],
  ['expected an object, found an array of 0', []],
  ['expected an object, found nothing', null],
  ['where: expected an object, found nothing', { ...row, where: undefined }],
  ['where.lat: expected a number, found "x"', { ...row, where: { lat: 'x' } }],
  ['where["a \\"b\\""]: expected a number, found true', { ...row, where: { lat: 1, 'a "b"': true } }],
  ['tags: expected a list, found "abc"', { ...row, tags: 'abc' }],
  ['tags[3]: expected a string, found 4', { ...row, tags: ['1', '2', '3', 4] }],
  [`attributes: expected ${entryText}, found 1`, { ...row, attributes: 1 }],
  ['attributes["key"]: expected a number, found nothing', { ...row, attributes: { key: null } }],
  ['attributes["key"]: expected a number, found nothing', { ...row, attributes: new Map([['key', null]]) }],
  [
    'attributes.key(1): expected a string, found 7',
    {
      ...row,
      attributes: new Map<unknown, number>([
        ['a', 1],
        [7, 1],
      ]),
    },
  ],
  ['attributes.key(0): expected a string, found nothing', { ...row, attributes: [[null, 1]] }],
  ['attributes[1]: expected an entry [key, value], found an array of 1', { ...row, attributes: [['a', 1], ['b']] }],
  ['pair: expected a list of 2, found an array of 3', { ...row, pair: [1, 2, 3] }],
  ['pair[1]: expected a number, found nothing', { ...row, pair: [1, null] }],
  [
    'either: expected an object with one key of "n", "t", found an object with "n", "t"',
    { ...row, either: { n: 1, t: 'x' } },
  ],
  ['either: expected an object with one key of "n", "t", found nothing', { ...row, either: null }],
  ['either.t: expected a string, found 1', { ...row, either: { t: 1 } }],
  [
    `tags[0]: expected a string, found an object with ${JSON.stringify('k'.repeat(60)).slice(0, 40)}…`,
    { ...row, tags: [{ ['k'.repeat(60)]: 1 }] },
  ],
  [
    'where.lat: expected a value that can be read, found an error: Error: mine',
    {
      ...row,
      where: {
        get lat() {
          throw new Error('mine');
        },
      },
    },
  ],
];

test.each(cases)('%s', (message, wrong) => {
  for (const format of [rowFormat(schema), new ObjectFormat(schema, undefined)]) {
    const appender = format.appender();
    appender.bind(staleColumns(schema, { rows: 3, dataBytes: 9, childRows: 9 }));
    const refusal = () => appender.append(wrong as object, 17);
    expect(refusal).toThrow(`row 17: ${message}`);
    expect(refusal).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_DATA_INVALID' }));
    expect(appender.append(row, 18)).toBe(true);
  }
});

test('an iterable that can be gone through only once is not lost where its row has no room', () => {
  const tags = schemaOf(field('tags', { name: 'List' }, { children: [field('item', utf8)] }));
  function* once() {
    yield* ['a', 'b', 'c'];
  }
  for (const format of [rowFormat(tags), new ObjectFormat(tags, undefined)]) {
    const appender = format.appender();
    const row = { tags: once() };
    appender.bind(staleColumns(tags, { rows: 1, dataBytes: 2, childRows: 5 }));
    expect(appender.append(row, 0)).toBe(false);
    const columns = staleColumns(tags, { rows: 1, dataBytes: 3, childRows: 5 });
    appender.bind(columns);
    expect(appender.append(row, 0)).toBe(true);
    expect(readColumns(tags, appender, columns)).toEqual([[['a', 'b', 'c']]]);
  }
});

test('a struct that is null has rows of all of its children, whose indices refer to something', () => {
  const color = field('color', utf8, { index: { name: 'Int', bitWidth: 8, isSigned: true } });
  const children = [color, field('text', utf8), field('list', { name: 'List' }, { children: [field('item', float)] })];
  const nested = schemaOf(field('s', struct, { nullable: true, children }));
  const appender = rowFormat(nested).appender();
  const columns = staleColumns(nested, { rows: 2, dataBytes: 9, childRows: 9 });
  appender.bind(columns);
  expect(appender.append({ s: null }, 0)).toBe(true);
  appender.settle();
  const [encoded, text, list] = columns[0]!.children;
  expect([encoded, text, list].map((child) => child!.length)).toEqual([1, 1, 1]);
  expect([encoded!.values![0], text!.valueOffsets![1], list!.valueOffsets![1]]).toEqual([0, 0, 0]);
  expect(appender.dictionaryOf(encoded!).length).toBe(1);
});

test('keys are never null, even if their field says that they may be', () => {
  const key = field('key', utf8, { nullable: true });
  const entries = field('entries', struct, { children: [key, field('value', float)] });
  const nullable = schemaOf(field('m', { name: 'Map', keysSorted: false }, { children: [entries] }));
  for (const format of [rowFormat(nullable), new ObjectFormat(nullable, undefined)]) {
    const appender = format.appender();
    appender.bind(staleColumns(nullable, { rows: 1, dataBytes: 9, childRows: 9 }));
    expect(() => appender.append({ m: new Map([[null, 1]]) }, 0)).toThrow(
      'row 0: m.key(0): expected a string, found nothing',
    );
  }
});

test('a map that grows while it is read has the entries it had at first', () => {
  const value = field('value', struct, { children: [field('n', float)] });
  const entries = field('entries', struct, { children: [field('key', utf8), value] });
  const maps = schemaOf(field('m', { name: 'Map', keysSorted: false }, { children: [entries] }));
  for (const format of [rowFormat(maps), new ObjectFormat(maps, undefined)]) {
    const appender = format.appender();
    const columns = staleColumns(maps, { rows: 2, dataBytes: 20, childRows: 9 });
    appender.bind(columns);
    const growing = new Map<string, object>();
    growing.set('a', {
      get n() {
        return growing.set('more', { n: 2 }).size;
      },
    });
    expect(appender.append({ m: growing }, 0)).toBe(true);
    expect(appender.append({ m: { b: { n: 3 } } }, 1)).toBe(true);
    expect(readColumns(maps, appender, columns)).toEqual([[[['a', [2]]]], [[['b', [3]]]]]);
  }
});

test('a view of a null is zeros, whatever was there before', () => {
  const views = schemaOf(field('v', { name: 'Utf8View' }, { nullable: true }));
  for (const format of [rowFormat(views), new ObjectFormat(views, undefined)]) {
    const appender = format.appender();
    const columns = staleColumns(views, { rows: 2, dataBytes: 9, childRows: 0 });
    appender.bind(columns);
    expect(appender.append({ v: null }, 0)).toBe(true);
    expect([...columns[0]!.values!.subarray(0, 16)]).toEqual(Array(16).fill(0));
  }
});

test('null in a union goes to the first child that can be null', () => {
  for (const mode of [0, 1]) {
    const children = [field('n', float), field('t', utf8, { nullable: true }), field('m', float, { nullable: true })];
    const union = schemaOf(field('u', { name: 'Union', mode, typeIds: [0, 1, 2] }, { nullable: true, children }));
    const appender = rowFormat(union).appender();
    const columns = staleColumns(union, { rows: 2, dataBytes: 9, childRows: 9 });
    appender.bind(columns);
    expect(appender.append({}, 0)).toBe(true);
    expect(appender.append({ u: { m: 4 } }, 1)).toBe(true);
    expect(readColumns(union, appender, columns)).toEqual([[null], [[2, 4]]]);
    expect([...columns[0]!.typeIds!.subarray(0, 2)]).toEqual([1, 2]);
    expect(columns[0]!.children.map(({ length }) => length)).toEqual(mode === 1 ? [0, 1, 1] : [2, 2, 2]);
  }
});

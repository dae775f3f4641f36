import { expect, test } from 'vitest';
import { field, schemaOf } from '../testing/single-column.js';
import { readColumns, staleColumns } from '../testing/stale-columns.js';
import type { ArrowType } from '../type.js';
import { ObjectFormat, rowFormat } from './format.js';
import { generateRowWriter } from './generate.js';

const utf8: ArrowType = { name: 'Utf8' };
const int8: ArrowType = { name: 'Int', bitWidth: 8, isSigned: true };
const SIZES = { rows: 4, dataBytes: 999, childRows: 9 };

const names = [
  '__proto__',
  'constructor',
  'toString',
  '',
  "'",
  '"',
  '`',
  '\\',
  '\\"',
  '\n\r\t\0',
  '\u2028\u2029',
  '\ud800',
  '"); globalThis.reached = true; ("',
  '`; globalThis.reached = true; `',
  '*/ globalThis.reached = true; /*',
  '\n}; globalThis.reached = true; {\n',
  '"] } }; globalThis.reached = true; return () => { { [("',
  '0',
  'value',
  'row',
  'c0',
  'functions',
];

test('names of fields are never read as code', () => {
  const schema = schemaOf(
    ...names.map((name) => field(name, utf8)),
    field('struct', { name: 'Struct' }, { children: names.map((name) => field(name, utf8)) }),
  );
  const values = Object.fromEntries(names.map((name, i) => [name, `value ${i}`]));
  const appender = rowFormat(schema).appender();
  expect(generateRowWriter(schema)).toBeTypeOf('function');
  const columns = staleColumns(schema, SIZES);
  appender.bind(columns);
  expect(appender.append(Object.fromEntries([...Object.entries(values), ['struct', values]]), 0)).toBe(true);
  const expected = names.map((_, i) => `value ${i}`);
  expect(readColumns(schema, appender, columns)).toEqual([[...expected, expected]]);
  expect('reached' in globalThis).toBe(false);
});

test('what every object inherits is no value of a row', () => {
  const schema = schemaOf(
    ...['__proto__', 'constructor', 'toString'].map((name) => field(name, utf8, { nullable: true })),
  );
  for (const format of [rowFormat(schema), new ObjectFormat(schema, undefined)]) {
    const appender = format.appender();
    const columns = staleColumns(schema, SIZES);
    appender.bind(columns);
    expect(appender.append({}, 0)).toBe(true);
    expect(readColumns(schema, appender, columns)).toEqual([[null, null, null]]);
  }
});

test('two fields of one name are refused, at any level', () => {
  const twins = () => [field('a', utf8), field('a', int8)];
  const list = field('l', { name: 'List' }, { children: [field('item', { name: 'Struct' }, { children: twins() })] });
  const message = /expected fields of different names in .*, found two called "a"/;
  for (const schema of [schemaOf(...twins()), schemaOf(list)]) {
    expect(() => rowFormat(schema)).toThrow(message);
    expect(() => rowFormat(schema)).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }));
  }
});

test('rows of hundreds of columns, nested ones among them, are written like those of few', () => {
  const many = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) =>
      field(`${prefix}${i}`, i % 3 === 0 ? int8 : utf8, { nullable: i % 2 === 0 }),
    );
  const inner = field('inner', { name: 'Struct' }, { children: many('i', 90) });
  const list = field(
    'list',
    { name: 'List' },
    { children: [field('item', { name: 'Struct' }, { children: many('l', 70) })] },
  );
  const schema = schemaOf(...many('a', 150), inner, list, ...many('b', 40));
  const valueAt = (i: number, row: number) =>
    i % 2 === 0 && row === 1 ? null : i % 3 === 0 ? i % 100 : `text ${i} ${row}`;
  const objectOf = (prefix: string, count: number, row: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, valueAt(i, row)]));
  const valuesOf = (count: number, row: number) => Array.from({ length: count }, (_, i) => valueAt(i, row));
  for (const format of [rowFormat(schema), new ObjectFormat(schema, undefined)]) {
    const appender = format.appender();
    const columns = staleColumns(schema, SIZES);
    appender.bind(columns);
    for (const row of [0, 1]) {
      const items = [objectOf('l', 70, 0), objectOf('l', 70, 1)];
      const value = {
        ...objectOf('a', 150, row),
        inner: objectOf('i', 90, row),
        list: items,
        ...objectOf('b', 40, row),
      };
      expect(appender.append(value, row)).toBe(true);
      const wrong = { ...value, inner: { ...value.inner, i88: 5 } };
      expect(() => appender.append(wrong, row)).toThrow(`row ${row}: inner.i88: expected a string, found 5`);
    }
    const read = [0, 1].map((row) => [
      ...valuesOf(150, row),
      valuesOf(90, row),
      [valuesOf(70, 0), valuesOf(70, 1)],
      ...valuesOf(40, row),
    ]);
    expect(readColumns(schema, appender, columns)).toEqual(read);
  }
});

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

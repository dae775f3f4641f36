import { expect, test } from 'vitest';
import * as define from './index.js';

const any = (value: unknown) => value as never;
const { dictionary, int32, int8, nullable, union, utf8 } = define;

const wrong: [name: string, attempt: () => unknown, expected: string, found: string][] = [
  ['no digits', () => define.decimal128(0), 'decimal128: expected a precision from 1 to 38', 'found 0'],
  ['more digits than fit', () => define.decimal32(10), 'decimal32: expected a precision from 1 to 9', 'found 10'],
  ['half a digit', () => define.decimal256(1.5), 'expected a precision from 1 to 76', 'found 1.5'],
  ['no precision', () => define.decimal64(any(undefined)), 'expected a precision from 1 to 18', 'found nothing'],
  ['a scale out of range', () => define.decimal128(5, 128), 'expected a scale from -128 to 127', 'found 128'],
  ['a negative width', () => define.fixedSizeBinary(-1), 'expected a width in bytes from 0', 'found -1'],
  ['a negative size', () => define.fixedSizeList(-1, int8()), 'expected a number of items from 0', 'found -1'],
  ['a size that is text', () => define.fixedSizeList(any('2'), int8()), 'expected a number of items', 'found "2"'],
  ['an unknown unit', () => define.timestamp(any('min')), "a unit out of 's', 'ms', 'us', 'ns'", 'found "min"'],
  ['no unit', () => define.duration(any(undefined)), "duration: expected a unit out of 's'", 'found nothing'],
  ['nanoseconds in 32 bits', () => define.time32(any('ns')), "time32: expected a unit out of 's', 'ms'", 'found "ns"'],
  ['seconds in 64 bits', () => define.time64(any('s')), "time64: expected a unit out of 'us', 'ns'", 'found "s"'],
  ['an unknown interval', () => define.interval(any('YEAR')), "out of 'year_month', 'day_time'", 'found "YEAR"'],
  ['an empty zone', () => define.timestamp('s', ''), "timestamp: expected a time zone such as 'UTC'", 'found ""'],
  ['a zone of null', () => define.timestamp('s', any(null)), "expected a time zone such as 'UTC'", 'found nothing'],
  ['no children', () => union({}), 'union: expected a number of children from 1 to 128', 'found 0'],
  [
    'too many children',
    () => union(Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`c${i}`, int8()]))),
    'expected a number of children from 1 to 128',
    'found 129',
  ],
  ['an unknown mode', () => union({ a: int8() }, { mode: any('thin') }), "a mode out of 'sparse', 'dense'", '"thin"'],
  ['nulls of a union', () => nullable(union({ a: int8() })), 'nullable: expected a union with a nullable', 'one of a'],
  ['keys that are null', () => define.map(nullable(utf8()), int8()), 'expected keys that are not', 'nullable Utf8'],
  ['values that are null', () => dictionary(nullable(utf8())), '`nullable(dictionary(...))`', 'nullable Utf8'],
  [
    'a dictionary of one',
    () => dictionary(dictionary(utf8())),
    'not a dictionary themselves',
    'found dictionary of Utf8',
  ],
  ['an index of text', () => dictionary(utf8(), { index: any(utf8()) }), 'an index type such as int8()', 'found Utf8'],
  ['an index of nulls', () => dictionary(utf8(), { index: any(nullable(int8())) }), 'not nullable', 'nullable Int'],
  ['a function', () => define.list(any(int32)), '(call the function: `int32()`)', 'found the function int32'],
  ['a name', () => define.largeList(any('int32')), 'expected a column type, such as int32()', 'found "int32"'],
  ['nothing', () => nullable(any(undefined)), 'nullable: expected a column type', 'found nothing'],
  ["another library's type", () => define.struct({ a: any({ typeId: 2 }) }), 'struct: "a": expected a', 'an object'],
  ['a list of columns', () => define.schema(any([int8()])), 'schema: expected an object of column', 'found an array'],
  ['a Map of columns', () => define.schema(any(new Map())), 'expected an object of column', 'an object of class Map'],
  // A field of that name would be lost without a word.
  ['a prototype', () => define.schema(any({ __proto__: int8() })), 'an object of column types', 'an object of class'],
  ['metadata', () => define.schema({}, { metadata: any({ a: 1 }) }), 'expected a string as metadata "a"', 'found 1'],
  ['metadata of null', () => define.withMetadata(int8(), any(null)), 'expected an object of strings', 'found nothing'],
];

test.each(wrong)('%s: refused with what was expected and what was found', (_, attempt, expected, found) => {
  expect(attempt).toThrow(
    expect.objectContaining({
      code: 'ERR_ARROWLAB_INVALID_ARGUMENT',
      message: expect.stringMatching(/^\w+: .*expected .+, found .+/),
    }),
  );
  expect(attempt).toThrow(expected);
  expect(attempt).toThrow(found);
});

test('what looks odd but is defined is accepted', () => {
  const children = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`c${i}`, int8()]));
  const { fields } = define.schema({
    empty: define.struct({}),
    none: define.fixedSizeList(0, int8()),
    many: union(children),
    absent: nullable(union({ a: int8(), b: define.nullType() })),
    known: nullable(dictionary(union({ a: int8() }))),
    ['__proto__']: int8(),
    inherited: define.struct(Object.assign(Object.create(null), { a: int8() })),
  });
  expect(fields.map(({ name }) => name)).toContain('__proto__');
  expect(define.schema({}).fields).toEqual([]);
});

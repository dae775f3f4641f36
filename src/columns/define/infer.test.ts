import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeSchema } from '../describe.js';
import type { ParsedField } from '../field.js';
import * as define from './index.js';
import { inferSchema } from './index.js';

const { bool, date32, float64, int64, list, nullable, nullType, struct, timestamp, uint64, utf8 } = define;

/** A type that samples can show, and values of which each alone shows it. */
interface Shown {
  readonly type: define.ColumnType<never>;
  readonly value: fc.Arbitrary<unknown>;
}

const shown = (type: define.ColumnType<never>, value: fc.Arbitrary<unknown>): Shown => ({ type, value });
const bytes = fc.uint8Array({ maxLength: 9 });

const scalars = [
  shown(bool(), fc.boolean()),
  shown(int64(), fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
  shown(uint64(), fc.bigInt({ min: 2n ** 63n, max: 2n ** 64n - 1n })),
  shown(
    float64(),
    fc.oneof(
      fc.integer().map((value) => value + 0.5),
      fc.constantFrom(Number.NaN, 1e300, -Infinity),
    ),
  ),
  shown(utf8(), fc.string({ unit: 'grapheme' })),
  shown(timestamp('ms', 'UTC'), fc.date({ noInvalidDate: true })),
  shown(
    define.binary(),
    fc.oneof(
      bytes,
      bytes.map(({ buffer }) => buffer),
      bytes.map((each) => Buffer.from(each)),
    ),
  ),
];

/** What is put in the place of a value, or takes it away. */
type Loss = (value: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>;

/** `lose` is applied to every value below, `minLength` is that of lists and maps. */
const shownTypes = (lose: Loss, minLength: number) =>
  fc.letrec<{ any: Shown }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...scalars),
      tie('any').map(({ type, value }) => shown(list(type), fc.array(lose(value), { minLength, maxLength: 3 }))),
      fc.dictionary(fc.string(), tie('any'), { maxKeys: 3 }).map((fields) => structOf(fields, lose)),
      fc.tuple(fc.constantFrom(...scalars), tie('any')).map(([key, { type, value }]) =>
        shown(
          define.map(key.type, type),
          fc.array(fc.tuple(key.value, lose(value)), { minLength, maxLength: 3 }).map((entries) => new Map(entries)),
        ),
      ),
    ),
  })).any;

function structOf(fields: Record<string, Shown>, lose: Loss): Shown {
  const of = <T>(map: (field: Shown) => T) =>
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, map(field)]));
  return shown(struct(of(({ type }) => type)), recordOf(of(({ value }) => lose(value))));
}

/** `undefined` is left out half of the time. */
const recordOf = (values: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.tuple(fc.tuple(...Object.values(values)), fc.boolean()).map(([drawn, isSparse]) =>
    Object.fromEntries(
      Object.keys(values)
        .map((name, index) => [name, drawn[index]] as const)
        .filter(([, value]) => !isSparse || value !== undefined),
    ),
  );

const rowsOf = (lose: Loss, minLength: number) =>
  fc.dictionary(fc.string(), shownTypes(lose, minLength), { maxKeys: 4 }).chain((fields) =>
    fc.record({
      fields: fc.constant(fields),
      rows: fc.array(structOf(fields, lose).value as fc.Arbitrary<object>, { minLength: 1, maxLength: 6 }),
    }),
  );

const nothingLost = rowsOf((value) => value, 1);
const muchLost = rowsOf((value) => fc.oneof(value, fc.constantFrom(null, undefined)), 0);

const shape = ({ name, type, nullable, children }: ParsedField): object => ({
  ...{ name, type, nullable },
  children: children.map(shape),
});

const sorted = (fields: readonly ParsedField[]): object[] =>
  fields
    .map((field) => ({ ...shape(field), children: sorted(field.children) }))
    .sort((a, b) => ('name' in a && 'name' in b && String(a.name) < String(b.name) ? -1 : 1));

const fieldsOf = (...args: Parameters<typeof inferSchema>) => describeSchema(inferSchema(...args)).fields;

/** Whether a column of this field can have the value, by the table of docs/schemas.md. */
function fits({ type, nullable, children }: ParsedField, value: unknown): boolean {
  const [child] = children;
  if (value === null || value === undefined) return nullable;
  switch (type.name) {
    case 'Bool':
      return typeof value === 'boolean';
    case 'Int':
      if (typeof value === 'number') return Number.isSafeInteger(value) && (type.isSigned || value >= 0);
      return typeof value === 'bigint' && (type.isSigned ? BigInt.asIntN : BigInt.asUintN)(64, value) === value;
    case 'FloatingPoint':
      return typeof value === 'number';
    case 'Utf8':
      return typeof value === 'string';
    case 'Timestamp':
      return value instanceof Date;
    case 'Binary':
      return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
    case 'List':
      return Array.isArray(value) && value.every((item) => fits(child!, item));
    case 'Struct': {
      const names = new Set(children.map(({ name }) => name));
      const given = new Map(Object.entries(value));
      return (
        [...given.keys()].every((name) => names.has(name)) && children.every((each) => fits(each, given.get(each.name)))
      );
    }
    case 'Map': {
      const [key, item] = child!.children;
      return value instanceof Map && [...value].every(([k, v]) => fits(key!, k) && fits(item!, v));
    }
    default:
      return false;
  }
}

const rules = fc.constantFrom('always' as const, 'observed' as const);

test('rows without nulls give back the schema they are of, where only observed nulls count', () => {
  fc.assert(
    fc.property(nothingLost, ({ fields, rows }) => {
      const types = Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, type]));
      const expected = describeSchema(define.schema(types)).fields;
      expect(fieldsOf(rows, { nullable: 'observed' }).map(shape)).toEqual(expected.map(shape));
    }),
    { numRuns: 300 },
  );
});

test('sample rows fit what is inferred from them, whatever is null or missing', () => {
  fc.assert(
    fc.property(muchLost, rules, ({ rows }, nullable) => {
      const fields = fieldsOf(rows, { nullable });
      const row = { type: { name: 'Struct' }, nullable: false, children: fields } as unknown as ParsedField;
      for (const each of rows) expect(fits(row, each)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('the order of the rows does not change what is inferred but for the order of columns', () => {
  const shuffled = muchLost.chain(({ rows }) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
  );
  fc.assert(
    fc.property(shuffled, rules, ([rows, others], nullable) => {
      expect(sorted(fieldsOf(others, { nullable }))).toEqual(sorted(fieldsOf(rows, { nullable })));
    }),
  );
});

test('everything but keys is nullable by default', () => {
  const check = ({ type, nullable, children }: ParsedField): void => {
    expect(nullable).toBe(true);
    if (type.name === 'Map') check(children[0]!.children[1]!);
    else children.forEach(check);
  };
  fc.assert(fc.property(nothingLost, ({ rows }) => fieldsOf(rows).forEach(check)));
});

test('a value of another kind is an error that names its row, its path and the row it disagrees with', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(5), (before, index) => {
      const rows: object[] = Array.from({ length: before + 1 }, () => ({ where: { tags: ['a'] } }));
      const items: unknown[] = Array(index).fill('b');
      rows.push({ where: { tags: [...items, 5] } }, { where: { tags: [true] } });
      expect(() => inferSchema(rows)).toThrow(
        expect.objectContaining({
          code: 'ERR_ARROWLAB_DATA_INVALID',
          message: expect.stringContaining(
            `row ${before + 1}: where.tags[${index}]: expected a string as in row 0, found 5; `,
          ),
        }),
      );
    }),
  );
});

const circle: Record<string, unknown> = { name: 'a' };
circle.list = [circle];

const conflicts: [name: string, rows: unknown[], message: string][] = [
  ['an object after text', [{ a: 'x' }, { a: {} }], 'row 1: a: expected a string as in row 0, found an object;'],
  [
    'a Map after an object',
    [{ a: {} }, { a: new Map() }],
    'a: expected an object as in row 0, found an object of class Map',
  ],
  ['an array after bytes', [{ a: new Uint8Array(1) }, { a: [1] }], 'a: expected bytes as in row 0, found an array'],
  [
    'a Date after a number',
    [{ a: 1 }, {}, { a: new Date(0) }],
    'row 2: a: expected a number as in row 0, found the Date',
  ],
  ['text after a Date', [{}, { a: new Date(0) }, { a: 'x' }], 'row 2: a: expected a Date as in row 1, found "x"'],
  ['a fraction after a bigint', [{ a: 1 }, { a: 1n }, { a: 0.5 }], 'an integer beside the bigint in row 1, found 0.5'],
  ['a bigint after a fraction', [{ a: 1 }, { a: 0.5 }, { a: 1n }], 'row 2: a: expected a number as in row 1, found 1n'],
  ['floats after a bigint', [{ a: [1n] }, { a: Float32Array.of(1) }], 'an integer beside the bigint in row 0'],
  [
    'below 0 beside above int64',
    [{ a: -1 }, { a: 2n ** 63n }],
    'expected an integer of int64 beside the negative one in row 0',
  ],
  [
    'the other way round',
    [{ a: 2n ** 63n }, { a: -1 }],
    'expected a positive integer beside the one above int64 in row 0',
  ],
  ['more than 64 bits', [{ a: 2n ** 64n }], 'expected an integer of at most 64 bits, found 18446744073709551616n'],
  ['less than 64 bits', [{ a: -(2n ** 63n) - 1n }], 'expected an integer of at most 64 bits'],
  ['a date that is none', [{ a: new Date(Number.NaN) }], 'row 0: a: expected a valid Date, found an invalid Date'],
  ['a function', [{ a: [() => 1] }], 'row 0: a[0]: expected a value that Arrow has a type for, found a function'],
  ['a symbol', [{ a: Symbol('x') }], 'expected a value that Arrow has a type for, found Symbol(x)'],
  ['a Set', [{ a: new Set() }], 'expected a value that Arrow has a type for, found an object of class Set'],
  ['a key of null', [{ a: new Map([[null, 1]]) }], 'row 0: a.key(0): expected a key, found nothing'],
  [
    'values of a map',
    [
      {
        a: new Map<string, unknown>([
          ['x', 1],
          ['y', 'z'],
        ]),
      },
    ],
    'row 0: a["y"]: expected a number as in row 0',
  ],
  [
    'keys of a map',
    [
      {
        a: new Map<unknown, unknown>([
          ['x', 1],
          [2, 1],
        ]),
      },
    ],
    'row 0: a.key(1): expected a string as in row 0',
  ],
  [
    'names that are no plain words',
    [{ 'a b': { '': 1 } }, { 'a b': { '': 'x' } }],
    'row 1: ["a b"][""]: expected a number',
  ],
  ['a circle', [circle], 'row 0: list[0]: expected a value that does not contain itself, found an object'],
  ['a row that is an array', [{}, [1]], 'row 1: expected an object, found an array'],
  ['a row that is nothing', [null], 'row 0: expected an object, found nothing'],
  ['a row that is a Map', [new Map()], 'row 0: expected an object, found an object of class Map'],
];

test.each(conflicts)('%s: refused, with the place and what was found', (_, rows, message) => {
  expect(() => inferSchema(rows as object[])).toThrow(
    expect.objectContaining({ code: 'ERR_ARROWLAB_DATA_INVALID', message: expect.stringContaining(message) }),
  );
});

test('no rows, no iterable and an unknown rule are wrong arguments', () => {
  const invalid = expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' });
  expect(() => inferSchema([])).toThrow(invalid);
  expect(() => inferSchema({} as never)).toThrow(invalid);
  expect(() => inferSchema('rows' as never)).toThrow(invalid);
  expect(() => inferSchema([{}], { nullable: 'never' as never })).toThrow(invalid);
});

const temporal = (name: string) => ({ [Symbol.toStringTag]: `Temporal.${name}` });

class Point {
  readonly #secret = 1;
  x = this.#secret;
}

const shared = { x: 1 };

const inferred: [name: string, values: unknown[], type: define.ColumnType<never>][] = [
  ['integers and fractions', [1, 0.5], float64()],
  ['an integer that is not safe', [2 ** 53], float64()],
  ['numbers and bigints', [1, 5n], int64()],
  ['the ends of int64', [2n ** 63n - 1n, -(2n ** 63n)], int64()],
  ['a bigint above int64 beside numbers', [1, 2n ** 63n], uint64()],
  ['minus zero', [-0], int64()],
  ['nulls only', [null, undefined], nullType()],
  ['empty arrays', [[], []], list(nullType())],
  ['an empty array and one of text', [[], ['a']], list(utf8())],
  ['integers of a typed array', [Int8Array.of(1)], list(int64())],
  ['floats of a typed array, though they are whole', [Float64Array.of(1), [2]], list(float64())],
  ['bigints of a typed array', [BigUint64Array.of(2n ** 64n - 1n)], list(uint64())],
  ['views', [new DataView(new ArrayBuffer(1)), Buffer.from('a')], define.binary()],
  ['empty objects', [{}, {}], struct({})],
  ['objects that differ in keys', [{ a: 1 }, { b: 'x' }], struct({ a: nullable(int64()), b: nullable(utf8()) })],
  ['an instance of a class', [new Point()], struct({ x: int64() })],
  ['an object without a prototype', [Object.assign(Object.create(null), { x: 1 })], struct({ x: int64() })],
  ['empty maps', [new Map()], define.map(utf8(), nullType())],
  ['an array with holes', [Array(2)], list(nullType())],
  ['an object twice, which is no circle', [[shared, shared]], list(struct({ x: int64() }))],
  ["Temporal's instants", [temporal('Instant')], timestamp('ns', 'UTC')],
  ["Temporal's zoned times", [temporal('ZonedDateTime')], timestamp('ns', 'UTC')],
  ["Temporal's days", [temporal('PlainDate')], date32()],
  ["Temporal's times", [temporal('PlainTime')], define.time64('ns')],
  ["Temporal's durations", [temporal('Duration')], define.duration('ns')],
  ['texts that look like dates', ['2026-01-31'], utf8()],
];

/** `values` in one column, the type expected of it; nulls among them make it nullable. */
function expectType(values: unknown[], type: define.ColumnType<never>, isoStrings = false): void {
  const fields = fieldsOf(
    values.map((a) => ({ a })),
    { nullable: 'observed', isoStrings },
  );
  const hasNull = values.some((value) => value === null || value === undefined);
  const expected = describeSchema(define.schema({ a: hasNull ? nullable(type) : type })).fields;
  expect(fields.map(shape)).toEqual(expected.map(shape));
}

test.each(inferred)('%s', (_, values, type) => expectType(values, type));

const texts: [name: string, values: unknown[], type: define.ColumnType<never>][] = [
  ['days', ['2026-01-31', '2024-02-29', null], date32()],
  ['a day that the calendar lacks', ['2026-02-29'], utf8()],
  ['a month that no year has', ['2026-13-01'], utf8()],
  ['instants', ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.123456+02:00'], timestamp('us', 'UTC')],
  ['instants with nanoseconds', ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.1234567Z'], timestamp('ns', 'UTC')],
  ['nanoseconds that 64 bits do not reach', ['2026-01-31T10:00:00.1234567Z', '3000-01-01T00:00:00Z'], utf8()],
  ['microseconds far away', ['3000-01-01T00:00:00Z'], timestamp('us', 'UTC')],
  ['times on a wall', ['2026-01-31T10:00:00'], timestamp('us')],
  ['with and without an offset', ['2026-01-31T10:00:00', '2026-01-31T10:00:00Z'], utf8()],
  ['days and instants', ['2026-01-31', '2026-01-31T10:00:00Z'], utf8()],
  ['an hour that no day has', ['2026-01-31T24:00:00Z'], utf8()],
  ['a time without seconds', ['2026-01-31T10:00Z'], utf8()],
  ['a space for the T', ['2026-01-31 10:00:00Z'], utf8()],
  ['one text among days', ['2026-01-31', ''], utf8()],
  ['within lists', [['2026-01-31']], list(date32())],
];

test.each(texts)('texts as ISO 8601: %s', (_, values, type) => expectType(values, type, true));

test('the year 0 is a year', () => expectType(['0000-02-29', '0099-12-31'], date32(), true));

test('metadata is that given, columns come in the order in which they are first seen, `__proto__` among them', () => {
  const rows = new Set([{ b: 1 }, JSON.parse('{"__proto__": 1, "a": 2}'), { '1': 2 }]);
  const { fields, metadata } = inferSchema(rows, { metadata: { source: 'samples' } });
  expect(fields.map(({ name }) => name)).toEqual(['b', '__proto__', 'a', '1']);
  expect(metadata).toEqual(new Map([['source', 'samples']]));
});

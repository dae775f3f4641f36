import type { Schema } from 'apache-arrow';
import { expectTypeOf, test } from 'vitest';
import {
  binary,
  bool,
  type ColumnType,
  date32,
  decimal128,
  dictionary,
  duration,
  fixedSizeList,
  float64,
  int32,
  int64,
  interval,
  type ListValue,
  list,
  type MapValue,
  map,
  nullable,
  nullType,
  type RowOf,
  schema,
  struct,
  type TypedSchema,
  time64,
  timestamp,
  uint64,
  union,
  utf8,
  type ValueOf,
  withMetadata,
} from './index.js';

// What the compiler has to say: `tsc` checks this file, running it shows only that nothing throws.

const flights = schema({
  id: uint64(),
  tags: list(utf8()),
  at: timestamp('ns', 'UTC'),
  delay: nullable(int32()),
  where: struct({ lat: float64(), name: nullable(dictionary(utf8())) }),
});
type Flight = RowOf<typeof flights>;

test('the type of a row is inferred, and what may be null may be absent', () => {
  type At = Date | bigint | number | string | { readonly epochNanoseconds: bigint };
  expectTypeOf<Flight>().toEqualTypeOf<{
    id: number | bigint;
    tags: ListValue<string>;
    at: At;
    delay?: number | bigint | null | undefined;
    where: { lat: number; name?: string | null | undefined };
  }>();
  expectTypeOf(flights).toExtend<Schema>();
});

test('right rows compile', () => {
  const rows: Flight[] = [
    { id: 1, tags: [], at: new Date(), where: { lat: 1 } },
    { id: 1n, tags: new Set(['a']), at: 5n, delay: null, where: { lat: 1, name: undefined } },
    { id: 1n, tags: { length: 1, 0: 'a' }, at: '2026-01-01T00:00Z', delay: 3, where: { lat: 1, name: 'x' } },
    { id: 1n, tags: ['a'] as const, at: { epochNanoseconds: 5n }, delay: 3n, where: { lat: 1, name: null } },
  ];
  expectTypeOf(rows).toEqualTypeOf<Flight[]>();
});

test('wrong rows do not compile', () => {
  const right = { id: 1, tags: [], at: 0, where: { lat: 1 } };
  const rows: Flight[] = [
    // @ts-expect-error a field is missing
    { id: 1, tags: [], at: 0 },
    // @ts-expect-error a nested field is missing
    { ...right, where: {} },
    // @ts-expect-error a field that there is not
    { ...right, unknown: 1 },
    // @ts-expect-error a string is no integer
    { ...right, id: '1' },
    // @ts-expect-error no nulls unless nullable
    { ...right, id: null },
    // @ts-expect-error nor undefined
    { ...right, id: undefined },
    // @ts-expect-error a string is no list of strings
    { ...right, tags: 'abc' },
    // @ts-expect-error no nulls among items unless nullable
    { ...right, tags: ['a', null] },
    // @ts-expect-error items of another type
    { ...right, tags: [1] },
    // @ts-expect-error a boolean is no point in time
    { ...right, at: true },
    // @ts-expect-error deep inside
    { ...right, where: { lat: 1, name: 5 } },
  ];
  expectTypeOf(rows).toEqualTypeOf<Flight[]>();
});

/** Values of a column of a type, as the compiler sees them. */
const valuesOf = <T>(_: ColumnType<T>, ...values: T[]) => values;

test('maps take maps, entries, and objects where keys are strings', () => {
  const byName = map(utf8(), int32());
  expectTypeOf<ValueOf<typeof byName>>().toEqualTypeOf<MapValue<string, number | bigint>>();
  valuesOf(byName, new Map([['a', 1]]), [['a', 1]], { a: 1 }, new Map([['a', 1]]).entries());
  const byNumber = map(int32(), nullable(utf8()));
  valuesOf(byNumber, new Map([[1, null]]), [[1, 'a']], [[1, undefined]]);
  // @ts-expect-error keys are numbers
  valuesOf(byNumber, { a: 'x' });
  // @ts-expect-error a value of another type
  valuesOf(byName, { a: 'x' });
  // @ts-expect-error an entry has two parts
  valuesOf(byName, [['a']]);
  // @ts-expect-error keys are not null
  valuesOf(byName, new Map([[null, 1]]));
});

test('a value of a union names exactly one child', () => {
  const either = union({ number: float64(), text: nullable(utf8()) }, { mode: 'sparse' });
  valuesOf(either, { number: 1 }, { text: 'a' }, { text: null });
  // @ts-expect-error two children
  valuesOf(either, { number: 1, text: 'a' });
  // @ts-expect-error none
  valuesOf(either, {});
  // @ts-expect-error no such child
  valuesOf(either, { other: 1 });
  // @ts-expect-error a child's value alone
  valuesOf(either, 1);
  // @ts-expect-error no nulls unless the union is wrapped
  valuesOf(either, null);
  valuesOf(nullable(either), null, undefined, { number: 1 });
  // @ts-expect-error two children of one name
  // biome-ignore lint/suspicious/noDuplicateObjectKeys: it is what this tests
  union({ number: float64(), number: int32() });
});

test('scalars take what appenders accept and nothing else', () => {
  valuesOf(int64(), 1, 1n);
  valuesOf(bool(), true);
  valuesOf(binary(), new Uint8Array(1), new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), Buffer.from('a'));
  valuesOf(decimal128(5, 2), '1.25', 1.25, 1n, Uint32Array.of(1, 0, 0, 0));
  valuesOf(interval('year_month'), 5);
  valuesOf(interval('day_time'), { days: 1, milliseconds: 1 });
  valuesOf(interval('month_day_nano'), { months: 1, days: 1, nanoseconds: 1n });
  valuesOf(nullType(), null, undefined);
  valuesOf(dictionary(struct({ a: int32() })), { a: 1 });
  valuesOf(withMetadata(utf8(), { unit: 'm' }), 'a');
  valuesOf(fixedSizeList(2, float64()), [1, 2], Float64Array.of(1, 2));
  // @ts-expect-error floats are numbers only
  valuesOf(float64(), 1n);
  // @ts-expect-error
  valuesOf(bool(), 1);
  // @ts-expect-error
  valuesOf(utf8(), 5);
  // @ts-expect-error numbers are no bytes
  valuesOf(binary(), [1, 2]);
  // @ts-expect-error
  valuesOf(interval('year_month'), { months: 1 });
  // @ts-expect-error
  valuesOf(interval('day_time'), 5);
  // @ts-expect-error
  valuesOf(nullType(), 0);
});

test('Temporal is known by its tags, and one kind is not taken for another', () => {
  const tagged = <Name extends string>(name: Name) => ({ [Symbol.toStringTag]: name }) as const;
  const date = tagged('Temporal.PlainDate') as { readonly [Symbol.toStringTag]: 'Temporal.PlainDate' };
  const time = tagged('Temporal.PlainTime') as { readonly [Symbol.toStringTag]: 'Temporal.PlainTime' };
  const length = tagged('Temporal.Duration') as { readonly [Symbol.toStringTag]: 'Temporal.Duration' };
  valuesOf(date32(), date);
  valuesOf(time64('ns'), time);
  valuesOf(duration('ns'), length);
  // @ts-expect-error
  valuesOf(date32(), time);
  // @ts-expect-error
  valuesOf(time64('ns'), date);
  // @ts-expect-error
  valuesOf(timestamp('ns'), date);
  // @ts-expect-error an object that is none
  valuesOf(date32(), { year: 2026, month: 1, day: 1 });
});

test('wrong arguments do not compile', () => {
  // Never called: each of these throws as well, which another file tests.
  const wrong = () => [
    // @ts-expect-error
    timestamp('minutes'),
    // @ts-expect-error
    time64('ms'),
    // @ts-expect-error
    interval('days'),
    // @ts-expect-error the function itself
    list(int32),
    // @ts-expect-error
    struct({ a: 'int32' }),
    // @ts-expect-error
    dictionary(utf8(), { index: utf8() }),
    // @ts-expect-error
    union({ a: int32() }, { mode: 'thin' }),
    // @ts-expect-error
    schema({ a: int32() }, { metadata: { a: 1 } }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test('a schema for wider rows serves for narrower ones, not the other way round', () => {
  const wide = schema({ a: nullable(int32()) });
  const narrow = schema({ a: int32() });
  expectTypeOf(wide).toExtend<TypedSchema<{ a: number }>>();
  expectTypeOf(narrow).not.toExtend<TypedSchema<{ a: number | null }>>();
  expectTypeOf<Schema>().not.toExtend<TypedSchema<{ a: number }>>();
  expectTypeOf<ValueOf<ColumnType<string> | ColumnType<string | null>>>().toEqualTypeOf<string>();
});

test('schemas whose names come at run time have rows of any names', () => {
  const columns = Object.fromEntries(['a', 'b'].map((name) => [name, float64()]));
  type Row = RowOf<ReturnType<typeof schema<typeof columns>>>;
  // @ts-expect-error
  const rows: Row[] = [{ a: 1, b: 2 }, { a: 'x' }];
  expectTypeOf(rows).toEqualTypeOf<Row[]>();
});

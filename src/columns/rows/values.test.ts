import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ParsedField } from '../field.js';
import type { Json } from '../testing/random-rows.js';
import { halfOf } from '../testing/random-scalars.js';
import { field, schemaOf } from '../testing/single-column.js';
import { readColumns, staleColumns } from '../testing/stale-columns.js';
import type { ArrowType } from '../type.js';
import { rowFormat } from './format.js';
import { halfBits } from './number.js';

const SIZES = { rows: 10, dataBytes: 500, childRows: 20 };

/** What is read of `value` in a column `x`. */
function appended(x: ParsedField, value: unknown): Json {
  const schema = schemaOf(x);
  const appender = rowFormat(schema).appender();
  const columns = staleColumns(schema, SIZES);
  appender.bind(columns);
  expect(appender.append({ [x.name]: value }, 17)).toBe(true);
  return (readColumns(schema, appender, columns) as Json[][])[0]![0]!;
}

const int = (bitWidth: number, isSigned = true): ArrowType => ({ name: 'Int', bitWidth, isSigned });
const timestamp = (unit: number, timezone: string | null = 'UTC'): ArrowType => ({ name: 'Timestamp', unit, timezone });
const time = (unit: number): ArrowType => ({ name: 'Time', unit, bitWidth: unit < 2 ? 32 : 64 });
const date = (unit: number): ArrowType => ({ name: 'Date', unit });
const decimal = (precision: number, scale: number, bitWidth = 128): ArrowType => ({
  name: 'Decimal',
  precision,
  scale,
  bitWidth,
});
const float = (precision: number): ArrowType => ({ name: 'FloatingPoint', precision });
const utf8: ArrowType = { name: 'Utf8' };
const temporal = (name: string, text: string) => ({ [Symbol.toStringTag]: `Temporal.${name}`, toString: () => text });

const ACCEPTED: [string, ArrowType, unknown, Json][] = [
  ['an int8 as bigint', int(8), -128n, -128],
  ['the largest uint32', int(32, false), 2 ** 32 - 1, 2 ** 32 - 1],
  ['a negative safe integer in int64', int(64), -(2 ** 53 - 1), String(-(2 ** 53 - 1))],
  ['the largest uint64', int(64, false), 2n ** 64n - 1n, String(2n ** 64n - 1n)],
  ['zero of either sign in int64', int(64), -0, '0'],
  ['a float32 rounded', float(1), 0.1, Math.fround(0.1)],
  ['a string with a zero', utf8, 'a\0b', 'a\0b'],
  ['a string of 24 characters, the last not ASCII', utf8, `${'a'.repeat(23)}é`, `${'a'.repeat(23)}é`],
  ['a decimal number', decimal(10, 2), -1.5, '-150'],
  ['a decimal with zeros beyond the scale', decimal(10, 2), '1.5000', '150'],
  ['a decimal with an exponent', decimal(10, 2), '1.5e3', '150000'],
  ['a decimal of a negative scale', decimal(3, -2), 1200n, '12'],
  ['the largest decimal of 256 bits', decimal(76, 0, 256), '9'.repeat(76), '9'.repeat(76)],
  ['a Date before the epoch', date(0), new Date(-1), -1],
  ['a date as milliseconds', date(1), -86_400_000, '-86400000'],
  ['a leap day', date(0), '2000-02-29', 11_016],
  ['a year of six digits', date(0), '+010000-01-01', 2_932_897],
  ["Temporal's PlainDate in another calendar", date(0), temporal('PlainDate', '1970-01-02[u-ca=hebrew]'), 1],
  ['an instant with an offset', timestamp(0), '1970-01-01T01:00:00+01:00', '0'],
  ['an instant with a zone', timestamp(3), '1970-01-01T00:00:00.000000001-00:01[Europe/Paris]', '60000000001'],
  ['what a clock says', timestamp(2, null), '1969-12-31 23:59:59.999999', '-1'],
  ['fractions of milliseconds', timestamp(2), 0.999, '999'],
  ['fractions that make the next millisecond', timestamp(3), 0.9999, '1000000'],
  ['fractions that make the next second', timestamp(0), 999.9999, '1'],
  ['fractions before the epoch', timestamp(2), -0.001, '-1'],
  ['a bigint in the unit', timestamp(1), 5n, '5'],
  ['the last nanosecond', timestamp(3), 2n ** 63n - 1n, String(2n ** 63n - 1n)],
  ['a Date in nanoseconds', timestamp(3), new Date(-1), '-1000000'],
  ['epochNanoseconds', timestamp(1), { epochNanoseconds: -1_000_000n }, '-1'],
  ['a time as text', time(3), '23:59:59.999999999', '86399999999999'],
  ["Temporal's PlainTime", time(0), temporal('PlainTime', '00:00:01'), 1],
  ["Temporal's Duration", { name: 'Duration', unit: 1 }, temporal('Duration', '-P1DT0.5S'), '-86400500'],
  ['a duration in the unit', { name: 'Duration', unit: 1 }, -3, '-3'],
];

test.each(ACCEPTED)('%s', (_, type, value, expected) => {
  expect(appended(field('x', type), value)).toEqual(expected);
});

const REFUSED: [ArrowType, unknown, string][] = [
  [float(2), 'x', 'expected a number, found "x"'],
  [float(2), undefined, 'expected a number, found nothing'],
  [float(2), 5n, 'expected a number, found 5n'],
  [int(8), 128, 'expected an integer from -128 to 127, found 128'],
  [int(8), 1.5, 'expected an integer from -128 to 127, found 1.5'],
  [int(32, false), -1, 'expected an integer from 0 to 4294967295, found -1'],
  [int(64), 2 ** 53, 'expected a safe integer or a bigint from -2^63 to 2^63 - 1, found 9007199254740992'],
  [int(64, false), -1n, 'expected a safe integer or a bigint from 0 to 2^64 - 1, found -1n'],
  [{ name: 'Bool' }, 1, 'expected a boolean, found 1'],
  [utf8, '\ud800', 'expected a string without lone surrogates, found "\\ud800"'],
  [{ name: 'Utf8View' }, 'a\udc00', 'expected a string without lone surrogates, found "a\\udc00"'],
  [utf8, new Date(Number.NaN), 'expected a string, found an invalid Date'],
  [{ name: 'Binary' }, [1], 'expected bytes (an ArrayBuffer or a view of one), found an array of 1'],
  [
    { name: 'FixedSizeBinary', byteWidth: 2 },
    new Uint8Array(3),
    'expected 2 bytes (an ArrayBuffer or a view of one), found a Uint8Array of 3 bytes',
  ],
  [decimal(3, 2), '1.234', 'expected a decimal of at most 3 digits, 2 of them behind the point, found "1.234"'],
  [decimal(3, 2), 10, 'expected a decimal of at most 3 digits, 2 of them behind the point, found 10'],
  [decimal(3, 2), '', 'expected a decimal of at most 3 digits, 2 of them behind the point, found ""'],
  [decimal(3, 2), Number.NaN, 'expected a decimal of at most 3 digits, 2 of them behind the point, found NaN'],
  [date(0), new Date(Number.NaN), 'found an invalid Date'],
  [date(0), '2023-02-29', 'found "2023-02-29"'],
  [date(0), 1, 'found 1'],
  [timestamp(0), new Date(1), 'expected a time in whole seconds'],
  [timestamp(2), '1970-01-01T00:00:00', "text with 'Z' or an offset), found"],
  [timestamp(3), 1e13, 'expected a time in whole nanoseconds'],
  [timestamp(1), '1970-01-01T24:00:00Z', 'found "1970-01-01T24:00:00Z"'],
  [time(0), 86_400, "expected a time of day ('HH:MM:SS', or whole seconds), found 86400"],
  [time(0), '00:00:00.5', 'found "00:00:00.5"'],
  [{ name: 'Duration', unit: 0 }, temporal('Duration', 'P1M'), 'expected a duration in whole seconds'],
  [{ name: 'Interval', unit: 1 }, { days: 1 }, 'expected { days, milliseconds }, found an object with "days"'],
];

test.each(REFUSED)('%o refuses %o', (type, value, message) => {
  const refusal = () => appended(field('x', type), value);
  expect(refusal).toThrow(message);
  expect(refusal).toThrow(/^row 17: x: expected /);
  expect(refusal).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_DATA_INVALID' }));
});

test('halves are the nearest ones, of two equally near the even one', () => {
  const halves = Array.from({ length: 0x7c00 }, (_, bits) => halfOf(bits));
  for (const [bits, half] of halves.entries()) expect(halfBits(half)).toBe(bits);
  fc.assert(
    fc.property(fc.nat(0x7bfe), fc.double({ min: 0, max: 1, noNaN: true }), (bits, part) => {
      const [low, high] = [halves[bits]!, halves[bits + 1]!];
      const value = low + (high - low) * part;
      const isHigh = value - low > high - value || (value - low === high - value && bits % 2 === 1);
      expect(halfBits(value)).toBe(isHigh ? bits + 1 : bits);
      expect(halfBits(-value)).toBe(0x8000 | halfBits(value));
    }),
    { numRuns: 2000 },
  );
  expect([65519.99, 65520, Number.POSITIVE_INFINITY, Number.NaN].map(halfBits)).toEqual([
    0x7bff, 0x7c00, 0x7c00, 0x7e00,
  ]);
});

test('days of some eight centuries have the number that Date gives them', () => {
  for (let day = -140_000; day < 160_000; day += 37) {
    const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
    expect(appended(field('x', date(0)), text)).toBe(day);
  }
});

test.each<ArrowType['name']>(['Binary', 'BinaryView'])(
  '%s: bytes that no batch has room for are refused; with offsets of 64 bits they wait for room',
  (name) => {
    const bytes = new Uint8Array(2 ** 31 + 10); // pages that nobody touches cost nothing
    const appenderOf = (type: ArrowType) => {
      const schema = schemaOf(field('x', type));
      const appender = rowFormat(schema).appender();
      appender.bind(staleColumns(schema, SIZES));
      return appender;
    };
    const [narrow, wide] = [appenderOf({ name } as ArrowType), appenderOf({ name: 'LargeBinary' })];
    expect(() => narrow.append({ x: bytes }, 5)).toThrow(
      'row 5: x: expected at most 2147483647 bytes, as 32 bits can count (declare largeBinary), found 2147483658 bytes',
    );
    expect(narrow.append({ x: Uint8Array.of(1) }, 5)).toBe(true);
    expect(wide.append({ x: bytes }, 5)).toBe(false);
  },
);

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonReader, LongDecimal } from './json-text.js';

const reader = new JsonReader(false);
const exact = new JsonReader(true);

const withDigits = fc.oneof(fc.string(), fc.stringMatching(/^[:, "\\]?-?\d{14,22}[}\]"]?$/));

test('what has no long integers is as JSON.parse gives it, digits within texts and keys and the smallest numbers included', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((each) => !/^-?\d{16}/.test(String(each))), // which would be a long integer

    fc.maxSafeInteger(),
    fc.double({ min: -1e-307, max: 1e-307, noNaN: true }),
  );
  const leaf = fc.oneof(withDigits, number, fc.boolean(), fc.constant(null));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(withDigits, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      const text = JSON.stringify([given, 'and', { long: 12345678901234567n }], (_, each) =>
        typeof each === 'bigint' ? 'LONG' : each,
      ).replace('"LONG"', '12345678901234567');
      expect(reader.read(text)).toEqual([JSON.parse(JSON.stringify(given)), 'and', { long: 12345678901234567n }]);
      expect(reader.read(JSON.stringify([given]))).toEqual(JSON.parse(JSON.stringify([given])));
    }),
    { numRuns: 1_000 },
  );
});

test('every integer of 64 bits keeps its digits: a number where that holds it, else a bigint', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (integer) => {
      for (const text of [`{"a": [${integer}, {"b":${integer}}]}`, `{"a":\t[ ${integer},{"b"\n:${integer} } ]}`]) {
        const value = Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
        expect(reader.read(text)).toEqual({ a: [value, { b: value }] });
      }
    }),
  );
});

test('integers beyond 64 bits are rounded, unless everything has to be exact', () => {
  const text = '[18446744073709551616, 0.12345678901234567, -1234567890.1234567, 1e300]';
  expect(reader.read(text)).toEqual([2 ** 64, 0.12345678901234566, -1234567890.1234567, 1e300]);
  expect(exact.read(text)).toEqual([
    18446744073709551616n,
    new LongDecimal('0.12345678901234567'),
    new LongDecimal('-1234567890.1234567'),
    1e300,
  ]);
});

test('text that is no JSON stays none, whatever stands in it', () => {
  const jsonLike = fc.stringMatching(/^[{["][-{}[\]":,.\\ eE0-9a]{0,40}\d{16}[-{}[\]":,.\\ eE0-9a]{0,10}$/);
  fc.assert(
    fc.property(jsonLike, (text) => {
      const verdict = (parse: (text: string) => unknown) => {
        try {
          parse(text);
          return 'JSON';
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(verdict((each) => reader.read(each))).toBe(verdict(JSON.parse));
      expect(verdict((each) => exact.read(each))).toBe(verdict(JSON.parse));
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  '{"a":01234567890123456789}',
  '{"a":-01234567890123456789}',
  '[12345678901234567.]',
  '{"a":12345678901234567',
  '["12345678901234567]',
])('%s is no JSON', (text) => {
  expect(() => reader.read(text)).toThrow(SyntaxError);
  expect(() => exact.read(text)).toThrow(SyntaxError);
});

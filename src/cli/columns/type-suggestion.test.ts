import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { suggestedType } from './type-suggestion.js';

const NAMES = ['int8', 'int16', 'int32', 'int64', 'float64', 'bool', 'utf8', 'largeUtf8', 'timestamp', 'decimal128'];

it.each([
  ['string', 'utf8'],
  ['strnig', 'utf8'],
  ['String not null', 'utf8 not null'],
  ['varchar(30)', 'utf8'],
  ['int64 NOT NULL', 'int64 not null'],
  ['int64 not_null', 'int64 not null'],
  [' int64', 'int64'],
  ['large_utf8', 'largeUtf8'],
  ['timestamp[ms, tz=UTC]', 'timestamp(ms, UTC)'],
  ['decimal(10, 2)', 'decimal128(10, 2)'],
  ['boolen', 'bool'],
  ['frobnicate', undefined],
  ['', undefined],
])('%j was probably %j', (text, meant) => {
  expect(suggestedType(text, NAMES)).toBe(meant);
});

test('a name with one letter left out, or in capitals, is that name or another as near', () => {
  const names = fc.constantFrom('float64', 'largeUtf8', 'timestamp', 'decimal128');
  fc.assert(
    fc.property(names, fc.nat(), (name, at) => {
      const index = at % name.length;
      expect(NAMES).toContain(suggestedType(name.slice(0, index) + name.slice(index + 1), NAMES));
      expect(suggestedType(name.toUpperCase(), NAMES)).toBe(name);
    }),
  );
});

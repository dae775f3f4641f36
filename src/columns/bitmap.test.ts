import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appendBits, bitAt, bitmapByteLength, countBits, sliceBitmap } from './bitmap.js';

const bitmaps = fc.uint8Array({ minLength: 1, maxLength: 40 });
const bitsOf = (bitmap: Uint8Array, from: number, length: number) =>
  Array.from({ length }, (_, i) => bitAt(bitmap, from + i));

/** A bitmap with a range of bits inside it. */
const ranges = bitmaps.chain((bitmap) =>
  fc
    .tuple(fc.nat(bitmap.length * 8), fc.nat(bitmap.length * 8))
    .map(([a, b]) => ({ bitmap, from: Math.min(a, b), length: Math.abs(a - b) })),
);

test('a slice has the same bits, and zeros past its end', () => {
  fc.assert(
    fc.property(ranges, ({ bitmap, from, length }) => {
      const slice = sliceBitmap(bitmap, from, length);
      expect(slice.length).toBe(bitmapByteLength(length));
      expect(bitsOf(slice, 0, length)).toEqual(bitsOf(bitmap, from, length));
      expect(bitsOf(slice, length, slice.length * 8 - length).every((bit) => bit === 0)).toBe(true);
    }),
  );
});

test('the set bits of any range are counted, none past the end', () => {
  fc.assert(
    fc.property(ranges, fc.nat(100), ({ bitmap, from, length }, beyond) => {
      const expected = bitsOf(bitmap, from, length).reduce((sum, bit) => sum + bit, 0);
      expect(countBits(bitmap, from, length)).toBe(expected);
      const rest = bitsOf(bitmap, from, bitmap.length * 8 - from).reduce((sum, bit) => sum + bit, 0);
      expect(countBits(bitmap, from, bitmap.length * 8 - from + beyond)).toBe(rest);
    }),
  );
});

test('appended bits follow those that were there', () => {
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      const joined = new Uint8Array(bitmapByteLength(a.length + b.length));
      appendBits(joined, 0, sliceBitmap(a.bitmap, a.from, a.length), a.length);
      appendBits(joined, a.length, sliceBitmap(b.bitmap, b.from, b.length), b.length);
      expect(bitsOf(joined, 0, a.length + b.length)).toEqual([
        ...bitsOf(a.bitmap, a.from, a.length),
        ...bitsOf(b.bitmap, b.from, b.length),
      ]);
    }),
  );
});

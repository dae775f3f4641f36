import fc from 'fast-check';
import type { ArrowType } from '../type.js';
import {
  arbitraryDate,
  arbitraryDuration,
  arbitraryInterval,
  arbitraryTime,
  arbitraryTimestamp,
} from './random-times.js';

export type Json = null | boolean | number | string | readonly Json[];

/** A value as it may be given to an appender, and the same in a form that JSON holds. */
export interface RandomValue {
  readonly given: unknown;
  readonly json: Json;
}

/** Values of a type without children, none of them null. */
export function arbitraryScalar(type: ArrowType): fc.Arbitrary<RandomValue> {
  switch (type.name) {
    case 'Bool':
      return fc.boolean().map((value) => ({ given: value, json: value }));
    case 'Int':
      return arbitraryInt(type.bitWidth, type.isSigned);
    case 'FloatingPoint':
      return type.precision === 0
        ? arbitraryHalf
        : arbitraryFloat(type.precision === 1 ? Math.fround : (value) => value);
    case 'Utf8':
    case 'LargeUtf8':
    case 'Utf8View':
      return arbitraryText.map((value) => ({ given: value, json: value }));
    case 'Binary':
    case 'LargeBinary':
    case 'BinaryView':
      return arbitraryBytes({ maxLength: 40 });
    case 'FixedSizeBinary':
      return arbitraryBytes({ minLength: type.byteWidth, maxLength: type.byteWidth });
    case 'Decimal':
      return arbitraryDecimal(type);
    case 'Date':
      return arbitraryDate(type.unit);
    case 'Time':
      return arbitraryTime(type.unit);
    case 'Timestamp':
      return arbitraryTimestamp(type.unit, type.timezone);
    case 'Duration':
      return arbitraryDuration(type.unit);
    case 'Interval':
      return arbitraryInterval(type.unit);
    default:
      throw new RangeError(`expected a type without children, found ${type.name}`);
  }
}

const isSafe = (value: bigint) => BigInt(Number(value)) === value && Number.isSafeInteger(Number(value));

function arbitraryInt(bitWidth: number, isSigned: boolean): fc.Arbitrary<RandomValue> {
  const min = isSigned ? -(1n << BigInt(bitWidth - 1)) : 0n;
  const max = min + (1n << BigInt(bitWidth)) - 1n;
  return fc.tuple(fc.bigInt({ min, max }), fc.boolean()).map(([value, asNumber]) => ({
    given: asNumber && isSafe(value) ? Number(value) : value,
    json: bitWidth === 64 ? String(value) : Number(value),
  }));
}

/** What JSON has no number for, as text. */
export const floatJson = (value: number): Json =>
  Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);

const arbitraryFloat = (round: (value: number) => number) =>
  fc.oneof(fc.double(), fc.integer()).map((value) => ({ given: value, json: floatJson(round(value)) }));

/** Exactly what 16 bits can hold. */
export function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const arbitraryHalf = fc.integer({ min: 0, max: 0xffff }).map((bits) => {
  const value = halfOf(bits);
  return { given: value, json: floatJson(value) };
});

export const arbitraryText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 30, maxLength: 90 }) },
);

function arbitraryBytes(lengths: { minLength?: number; maxLength: number }): fc.Arbitrary<RandomValue> {
  return fc.tuple(fc.uint8Array(lengths), fc.nat(4)).map(([bytes, form]) => {
    // A view that is not at the start of its buffer.
    const buffer = new ArrayBuffer(bytes.length + 8);
    new Uint8Array(buffer, 8).set(bytes);
    const forms = [
      bytes,
      bytes.slice().buffer,
      new DataView(buffer, 8),
      Buffer.from(bytes),
      bytes.length % 2 === 0 ? new Uint16Array(buffer, 8) : new Uint8ClampedArray(bytes),
    ];
    return { given: forms[form], json: Buffer.from(bytes).toString('hex') };
  });
}

/** The digits of `unscaled` with a point `scale` digits from the right, or with zeros behind them. */
function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return `${unscaled * 10n ** BigInt(-scale)}`;
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function arbitraryDecimal(type: { precision: number; scale: number; bitWidth: number }): fc.Arbitrary<RandomValue> {
  const { precision, scale, bitWidth } = type;
  const max = 10n ** BigInt(precision) - 1n;
  const small = max < 999n ? max : 999n;
  const unscaled = fc.oneof(fc.bigInt({ min: -max, max }), fc.bigInt({ min: -small, max: small }));
  return fc.tuple(unscaled, fc.nat(4)).map(([value, form]) => {
    const text = decimalText(value, scale);
    const words = Uint32Array.from({ length: bitWidth / 32 }, (_, i) =>
      Number(BigInt.asUintN(32, value >> BigInt(32 * i))),
    );
    const isWhole = scale <= 0 || value % 10n ** BigInt(scale) === 0n;
    const isShort = String(value).length + Math.max(0, -scale) < 15;
    const forms = [
      text,
      isWhole ? BigInt(text.split('.')[0]!) : text,
      isShort ? Number(text) : text,
      words,
      `${value}e${-scale}`,
    ];
    return { given: forms[form], json: String(value) };
  });
}

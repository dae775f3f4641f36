import type { IntType } from '../type.js';

// Conversions give undefined for what they cannot take.

/** Integers of up to 32 bits. */
export function integerOf({ bitWidth, isSigned }: IntType): (value: unknown) => number | undefined {
  const min = isSigned ? -(2 ** (bitWidth - 1)) : 0;
  const max = min + 2 ** bitWidth - 1;
  return (value) => {
    if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return undefined;
    return value >= min && value <= max ? Number(value) : undefined;
  };
}

const TWO_63 = 2n ** 63n;

/** Integers of 64 bits: a number that is a safe integer, or a bigint. */
export function integer64Of(isSigned: boolean): (value: unknown) => number | bigint | undefined {
  const [min, max] = isSigned ? [-TWO_63, TWO_63 - 1n] : [0n, 2n * TWO_63 - 1n];
  return (value) => {
    if (typeof value === 'number') return Number.isSafeInteger(value) && (isSigned || value >= 0) ? value : undefined;
    return typeof value === 'bigint' && value >= min && value <= max ? value : undefined;
  };
}

const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

/** The bits of the half nearest to a number, ties to even. */
export function halfBits(value: number): number {
  float[0] = value;
  const sign = (floatWords[1]! >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  // Halfway between the largest half and what would come next.
  if (size >= 65520) return sign | 0x7c00;
  // Below 2^-14 halves are as far apart as just above it.
  const exponent = Math.max(((floatWords[1]! >>> 20) & 0x7ff) - 1023, -14);
  const fraction = roundToEven(size * 2 ** (10 - exponent));
  // A fraction of 1024 or more has its leading 1 in the exponent's place; rounding up to the next power carries over into it.
  return sign | (fraction + ((exponent + 14) << 10));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

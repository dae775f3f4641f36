import { types } from 'node:util';
import { temporalText } from './calendar.js';
import { integer64Of, integerOf } from './number.js';
import type { WriteWords } from './timestamp.js';

/** What Temporal's Duration gives as text; years and months have no length. */
const DURATION = /^([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,9}))?S)?)?$/;

/** Nanoseconds in a unit, by Arrow's units from seconds on. */
const NANOSECONDS = [1_000_000_000n, 1_000_000n, 1_000n, 1n];

const int64Of = integer64Of(true);
const int32Of = integerOf({ name: 'Int', bitWidth: 32, isSigned: true });

/** Durations in a unit: of numbers and bigints as they are, of Temporal's Duration where it is whole units; its days have 24 hours. */
export function durationOf(unit: number): (value: unknown) => number | bigint | undefined {
  const perUnit = NANOSECONDS[unit]!;
  return (value) => {
    if (typeof value !== 'object') return int64Of(value);
    const nanoseconds = nanosecondsOf(temporalText(value, 'Duration') ?? '');
    return nanoseconds !== undefined && nanoseconds % perUnit === 0n ? int64Of(nanoseconds / perUnit) : undefined;
  };
}

function nanosecondsOf(text: string): bigint | undefined {
  const parts = DURATION.exec(text);
  if (!parts) return undefined;
  const [weeks, days, hours, minutes, seconds] = parts.slice(2, 7).map((digits) => BigInt(digits ?? 0));
  const whole = (((weeks! * 7n + days!) * 24n + hours!) * 60n + minutes!) * 60n + seconds!;
  const nanoseconds = whole * NANOSECONDS[0]! + BigInt((parts[7] ?? '').padEnd(9, '0'));
  return parts[1] === '-' ? -nanoseconds : nanoseconds;
}

/**
 * Writes an interval, in the words of its unit; gives false where the value is none: months, `{ days, milliseconds }` or
 * `{ months, days, nanoseconds }`, or the Int32Array that apache-arrow reads (years and months; the words themselves).
 */
export function intervalWriter(unit: number): WriteWords {
  const width = [1, 2, 4][unit]!;
  return (words, row, value) => {
    const parts = types.isInt32Array(value) ? partsOfArray(value, unit) : partsOf(value, unit);
    if (parts?.length !== width) return false;
    words.set(parts, row * width);
    return true;
  };
}

function partsOfArray(array: Int32Array, unit: number): ArrayLike<number> | undefined {
  if (unit > 0) return array;
  const months = array.length === 2 ? int32Of(array[0]! * 12 + array[1]!) : undefined;
  return months === undefined ? undefined : [months];
}

function partsOf(value: unknown, unit: number): number[] | undefined {
  if (unit === 0) return whole([int32Of(value)]);
  if (typeof value !== 'object' || value === null) return undefined;
  const { months, days, milliseconds, nanoseconds } = value as Record<string, unknown>;
  if (unit === 1) return whole([int32Of(days), int32Of(milliseconds)]);
  const rest = int64Of(nanoseconds);
  if (rest === undefined) return undefined;
  const [low, high] = [BigInt.asIntN(32, BigInt(rest)), BigInt(rest) >> 32n];
  return whole([int32Of(months), int32Of(days), Number(low), Number(high)]);
}

const whole = (parts: (number | undefined)[]) => (parts.includes(undefined) ? undefined : (parts as number[]));

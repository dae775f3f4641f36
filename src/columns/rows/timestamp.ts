import { DAY_MS, dayOf, timeOf } from './calendar.js';

/** The day, the time, and the offset, if any; a zone's name behind it says nothing more. */
const TIMESTAMP = /^([^T ]+)[T ]([\d:.,]+)(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?(?:\[[^\]]*\])*$/i;

/** Writes a value in the words of its row, or gives false where it is none that the type can hold. */
export type WriteWords = (words: Int32Array, row: number, value: unknown) => boolean;

/** Units in a millisecond, and nanoseconds in a unit, by Arrow's units from seconds on. */
const PER_MILLISECOND = [1 / 1000, 1, 1e3, 1e6];
const NANOSECONDS = [1e9, 1e6, 1e3, 1];
const TWO_32 = 2 ** 32;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Timestamps of a unit. A Date and a number are milliseconds since the epoch, a number's fraction in microseconds, rounded; a bigint is in the
 * unit; text is ISO 8601, with an offset unless the type has no time zone; Temporal's Instant and ZonedDateTime have `epochNanoseconds`.
 * What is finer than the unit is refused, never cut off.
 */
export function timestampWriter({ unit, timezone }: { unit: number; timezone: string | null }): WriteWords {
  const [perMillisecond, nanosecondsPerUnit] = [PER_MILLISECOND[unit]!, NANOSECONDS[unit]!];

  /** A point in time as milliseconds and, less than one, nanoseconds. */
  function writeParts(words: Int32Array, row: number, milliseconds: number, nanoseconds: number): boolean {
    if (!Number.isSafeInteger(milliseconds) || nanoseconds % nanosecondsPerUnit !== 0) return false;
    if (unit === 0) return milliseconds % 1000 === 0 && writeScaled(words, row, milliseconds / 1000, 1, 0);
    return writeScaled(words, row, milliseconds, perMillisecond, nanoseconds / nanosecondsPerUnit);
  }

  function writeText(words: Int32Array, row: number, text: string): boolean {
    const [, date, time, offset] = TIMESTAMP.exec(text) ?? [];
    if (date === undefined || (offset === undefined && timezone !== null)) return false;
    const [day, timeOfDay, shift] = [dayOf(date), timeOf(time!), offsetSeconds(offset)];
    if (day === undefined || timeOfDay === undefined || shift === undefined) return false;
    const nanoseconds = timeOfDay % 1e6;
    return writeParts(words, row, day * DAY_MS + (timeOfDay - nanoseconds) / 1e6 - shift * 1000, nanoseconds);
  }

  return (words, row, value) => {
    if (value instanceof Date) return writeParts(words, row, value.getTime(), 0);
    if (typeof value === 'number') {
      const microseconds = Math.round((value - Math.floor(value)) * 1000);
      const carry = microseconds === 1000 ? 1 : 0;
      return writeParts(words, row, Math.floor(value) + carry, carry ? 0 : microseconds * 1000);
    }
    if (typeof value === 'bigint') return writeBigint(words, row, value);
    if (typeof value === 'string') return writeText(words, row, value);
    if (typeof value !== 'object') return false;
    const { epochNanoseconds } = value as { epochNanoseconds?: unknown };
    if (typeof epochNanoseconds !== 'bigint' || epochNanoseconds % BigInt(nanosecondsPerUnit) !== 0n) return false;
    return writeBigint(words, row, epochNanoseconds / BigInt(nanosecondsPerUnit));
  };
}

/** `value * factor + rest`, of at most 2^53, 10^6 and 10^6, in two words and without a bigint. */
function writeScaled(words: Int32Array, row: number, value: number, factor: number, rest: number): boolean {
  const high = Math.floor(value / TWO_32);
  const low = (value - high * TWO_32) * factor + rest;
  const carry = Math.floor(low / TWO_32);
  const top = high * factor + carry;
  if (!(top >= -(2 ** 31) && top < 2 ** 31)) return false;
  words[2 * row] = low - carry * TWO_32;
  words[2 * row + 1] = top;
  return true;
}

function writeBigint(words: Int32Array, row: number, value: bigint): boolean {
  if (value < MIN_INT64 || value > MAX_INT64) return false;
  words[2 * row] = Number(BigInt.asIntN(32, value));
  words[2 * row + 1] = Number(value >> 32n);
  return true;
}

/** 0 for none and for Z. Undefined for an offset that is none, of a day or more. */
function offsetSeconds(offset = 'Z'): number | undefined {
  if (offset === 'Z' || offset === 'z') return 0;
  const digits = offset.slice(1).replaceAll(':', '').padEnd(6, '0');
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number);
  if (hours! > 23 || minutes! > 59 || seconds! > 59) return undefined;
  const size = hours! * 3600 + minutes! * 60 + seconds!;
  return offset.startsWith('-') ? -size : size;
}

import { DAY_MS, dayOf, temporalText, timeOf } from './calendar.js';

/** Days that int32 holds, and those whose milliseconds are safe integers. */
const MAX_DAYS = [2 ** 31 - 1, Math.floor(Number.MAX_SAFE_INTEGER / DAY_MS)];

/**
 * Dates in days or, still of whole days, in milliseconds since the epoch: of a Date the day that it is in by UTC, of a number milliseconds that are a whole day, of text and of
 * Temporal's PlainDate the day that it names.
 */
export function dateOf(unit: number): (value: unknown) => number | undefined {
  const [maxDays, perDay] = [MAX_DAYS[unit]!, [1, DAY_MS][unit]!];
  return (value) => {
    const days = daysOf(value);
    return days !== undefined && Math.abs(days) <= maxDays ? days * perDay : undefined;
  };
}

function daysOf(value: unknown): number | undefined {
  if (value instanceof Date) return finite(Math.floor(value.getTime() / DAY_MS));
  if (typeof value === 'number') return value % DAY_MS === 0 ? value / DAY_MS : undefined;
  const text = typeof value === 'string' ? value : temporalText(value, 'PlainDate');
  return text === undefined ? undefined : dayOf(text);
}

const finite = (value: number) => (Number.isNaN(value) ? undefined : value);

/** Of a second, in nanoseconds, by Arrow's units from seconds on. */
const NANOSECONDS = [1e9, 1e6, 1e3, 1];

/** Times of day in a unit: of numbers and bigints as they are, of text and of Temporal's PlainTime where it is whole units. */
export function timeOfDayOf(unit: number): (value: unknown) => number | undefined {
  const nanoseconds = NANOSECONDS[unit]!;
  const end = (86_400 * 1e9) / nanoseconds;
  return (value) => {
    if (typeof value === 'number' || typeof value === 'bigint') {
      const time = value >= 0 && value < end ? Number(value) : Number.NaN;
      return Number.isInteger(time) ? time : undefined;
    }
    const time = timeOf(typeof value === 'string' ? value : (temporalText(value, 'PlainTime') ?? ''));
    return time !== undefined && time % nanoseconds === 0 ? time / nanoseconds : undefined;
  };
}

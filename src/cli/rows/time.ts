/** Units of Schema.fbs's TimeUnit, by number: how many there are in a second, and the digits that takes. */
const UNITS = [0, 3, 6, 9].map((digits) => ({ digits, perSecond: 10n ** BigInt(digits) }));

/** What a Date can hold, in seconds from 1970. */
const LAST_SECOND = 8_640_000_000_000n;

/** Whole seconds, rounded down, and the rest as the digits of a decimal fraction with its point. */
function split(value: bigint, unit: number): { seconds: bigint; fraction: string } {
  const { digits, perSecond } = UNITS[unit]!;
  const rest = ((value % perSecond) + perSecond) % perSecond;
  return {
    seconds: (value - rest) / perSecond,
    fraction: digits === 0 ? '' : `.${String(rest).padStart(digits, '0')}`,
  };
}

/** ISO 8601 with the unit's digits, such as `2024-02-29T12:30:00.000001`; with `Z` for an instant. What no calendar has stays a number. */
export function timestampText(value: bigint, unit: number, isInstant: boolean): string {
  const { seconds, fraction } = split(value, unit);
  if (seconds > LAST_SECOND || seconds < -LAST_SECOND) return String(value);
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length);
  return `${text}${fraction}${isInstant ? 'Z' : ''}`;
}

/** ISO 8601: `2024-02-29`. What no calendar has stays a number. */
export function dayText(days: bigint): string {
  return timestampText(days * 86_400n, 0, false).replace(/T.*/, '');
}

/** Of milliseconds: the day, or the point in time where it is not a whole day. */
export function dateText(milliseconds: bigint): string {
  return milliseconds % 86_400_000n === 0n
    ? dayText(milliseconds / 86_400_000n)
    : timestampText(milliseconds, 1, false);
}

/** ISO 8601: `12:30:00.000`. What is not within a day stays a number. */
export function timeText(value: bigint, unit: number): string {
  const { seconds } = split(value, unit);
  if (seconds < 0n || seconds >= 86_400n) return String(value);
  return timestampText(value, unit, false).replace(/.*T/, '');
}

/** ISO 8601 in seconds, with the unit's digits: `PT1.500S`, `-PT1.500S`. */
export function durationText(value: bigint, unit: number): string {
  const { seconds, fraction } = split(value < 0n ? -value : value, unit);
  return `${value < 0n ? '-' : ''}PT${seconds}${fraction}S`;
}

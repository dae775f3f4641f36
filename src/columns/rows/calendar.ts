export const DAY_MS = 86_400_000;

const DATE = /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$/;

/** Days from the epoch to `YYYY-MM-DD` of the Gregorian calendar; undefined where there is no such day. */
export function dayOf(text: string): number | undefined {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined || year === '-000000') return undefined;
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  if (m < 1 || m > 12 || d < 1 || d > daysIn(y, m)) return undefined;
  return daysBeforeMonth(y, m) + d - 1;
}

/** Nanoseconds since midnight of `HH:MM:SS`, with up to nine digits of a fraction; undefined where there is no such time. */
export function timeOf(text: string): number | undefined {
  const [, hours, minutes, seconds, fraction = ''] = TIME.exec(text) ?? [];
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return whole * 1e9 + Number(fraction.padEnd(9, '0'));
}

/** What an object of Temporal says of itself, without its calendar; undefined for an object of another kind. */
export function temporalText(value: unknown, name: 'PlainDate' | 'PlainTime' | 'Duration'): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const isTemporal = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === `Temporal.${name}`;
  return isTemporal ? String(value).replace(/\[.*$/, '') : undefined;
}

const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Years are counted from March on, so that a leap day is the last of its year; 719,468 days lie between 0000-03-01 and the epoch. */
function daysBeforeMonth(year: number, month: number): number {
  const years = month > 2 ? year : year - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  const days = Math.floor((153 * ((month + 9) % 12) + 2) / 5);
  return years * 365 + leapDays + days - 719_468;
}

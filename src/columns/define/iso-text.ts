/** What a text says: a day, an instant (with `Z` or an offset), what a clock on a wall says (without), or something else. */
export type TextForm = 'date' | 'instant' | 'local' | 'other';

export interface IsoText {
  readonly form: TextForm;
  readonly year: number;
  /** Digits of the fraction of a second. */
  readonly digits: number;
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$/;

/** Reads a text as ISO 8601 in its extended form, with a year of four digits and with seconds. A day that the calendar lacks makes it another text. */
export function readIsoText(text: string): IsoText {
  const [, years = '', months, days, time, , fraction = '.', offset] = ISO.exec(text) ?? [];
  const year = Number(years);
  const digits = fraction.length - 1;
  if (!years || !isDay(year, Number(months), Number(days))) return { form: 'other', year, digits };
  return { form: time ? (offset ? 'instant' : 'local') : 'date', year, digits };
}

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

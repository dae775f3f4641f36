import { invalid, placeIn } from './argument.js';
import { type ColumnType, columnType } from './column-type.js';
import { found } from './found.js';
import type { DateValue, DurationValue, IntervalValues, TimestampValue, TimeValue } from './row-value.js';

export type TimeUnit = 's' | 'ms' | 'us' | 'ns';
export type IntervalUnit = keyof IntervalValues;

/** In the order of Schema.fbs, as all lists of units here. */
const TIME_UNITS: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];
const INTERVAL_UNITS: readonly IntervalUnit[] = ['year_month', 'day_time', 'month_day_nano'];

const timeUnit = (name: string, unit: TimeUnit) => placeIn(name, 'a unit', unit, TIME_UNITS);

/** Days since the epoch. */
export const date32 = (): ColumnType<DateValue> => columnType({ name: 'Date', unit: 0 });
/** Milliseconds since the epoch, of whole days. */
export const date64 = (): ColumnType<DateValue> => columnType({ name: 'Date', unit: 1 });

/** The time since midnight in seconds or milliseconds. */
export function time32(unit: 's' | 'ms'): ColumnType<TimeValue> {
  return columnType({ name: 'Time', unit: placeIn('time32', 'a unit', unit, ['s', 'ms']), bitWidth: 32 });
}

/** The time since midnight in micro- or nanoseconds. */
export function time64(unit: 'us' | 'ns'): ColumnType<TimeValue> {
  return columnType({ name: 'Time', unit: 2 + placeIn('time64', 'a unit', unit, ['us', 'ns']), bitWidth: 64 });
}

/**
 * A point in time. With `timezone`, such as 'UTC', 'Europe/Paris' or '+02:00', values are instants, which are shown in that zone;
 * without, they are what a clock on some wall says.
 */
export function timestamp(unit: TimeUnit, timezone?: string): ColumnType<TimestampValue> {
  if (timezone !== undefined && (typeof timezone !== 'string' || timezone === '')) {
    throw invalid('timestamp', "a time zone such as 'UTC', or none", found(timezone));
  }
  return columnType({ name: 'Timestamp', unit: timeUnit('timestamp', unit), timezone: timezone ?? null });
}

export function duration(unit: TimeUnit): ColumnType<DurationValue> {
  return columnType({ name: 'Duration', unit: timeUnit('duration', unit) });
}

export function interval<Unit extends IntervalUnit>(unit: Unit): ColumnType<IntervalValues[Unit]> {
  return columnType({ name: 'Interval', unit: placeIn<IntervalUnit>('interval', 'a unit', unit, INTERVAL_UNITS) });
}

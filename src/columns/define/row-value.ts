import type { ColumnType, ValueOf } from './column-type.js';

// What a row may hold, by the type of its column. Appenders accept exactly this.

/** A Temporal object by its tag alone, so that neither a library of types nor one implementation of Temporal is asked for. */
interface Temporal<Name extends string> {
  readonly [Symbol.toStringTag]: `Temporal.${Name}`;
}

/** Of integers of any width; a number has to be a safe integer. */
export type IntegerValue = number | bigint;

export type BinaryValue = ArrayBuffer | ArrayBufferView;

/** The value itself, or its unscaled words (little-endian) as apache-arrow reads them. */
export type DecimalValue = string | number | bigint | Uint32Array;

/** A number is milliseconds since the epoch, a string `YYYY-MM-DD`. */
export type DateValue = Date | number | string | Temporal<'PlainDate'>;

/** A bigint counts in the column's unit, a number milliseconds, both since the epoch; a string is ISO 8601. Last, Temporal's Instant and ZonedDateTime. */
export type TimestampValue = Date | bigint | number | string | { readonly epochNanoseconds: bigint };

/** Numbers count in the column's unit since midnight; a string is `HH:MM:SS.fff`. */
export type TimeValue = number | bigint | string | Temporal<'PlainTime'>;

/** Numbers count in the column's unit. */
export type DurationValue = number | bigint | Temporal<'Duration'>;

/** By the unit of the column; a `year_month` counts months. */
export interface IntervalValues {
  readonly year_month: number;
  readonly day_time: { readonly days: number; readonly milliseconds: number };
  readonly month_day_nano: { readonly months: number; readonly days: number; readonly nanoseconds: number | bigint };
}

/** Anything to iterate or index but a string, which would otherwise pass for a list of strings. */
export type ListValue<T> = readonly T[] | (Iterable<T> & object) | (ArrayLike<T> & object);

/** Entries; where keys are strings an object too. */
export type MapValue<K, V> =
  | ReadonlyMap<K, V>
  | (Iterable<readonly [K, V]> & object)
  | ([K] extends [string] ? { readonly [key: string]: V } : never);

/** The types of the columns of a row, or of the children of a struct or union, by name. */
export type ColumnTypes = Readonly<Record<string, ColumnType<never>>>;

type NullableNames<F extends ColumnTypes> = {
  [Name in keyof F]: undefined extends ValueOf<F[Name]> ? Name : never;
}[keyof F];

/** An object with a property for each field; what may be null may be absent. */
export type StructValue<F extends ColumnTypes> = Flat<
  { -readonly [Name in Exclude<keyof F, NullableNames<F>>]: ValueOf<F[Name]> } & {
    -readonly [Name in NullableNames<F>]?: ValueOf<F[Name]>;
  }
>;

/** An object with exactly one property, whose name says which child the value is in. */
export type UnionValue<F extends ColumnTypes> = {
  [Name in keyof F]: Flat<
    { -readonly [Only in Name]: ValueOf<F[Only]> } & { -readonly [Other in Exclude<keyof F, Name>]?: never }
  >;
}[keyof F];

/** One object type for an intersection of several. */
type Flat<T> = { [Name in keyof T]: T[Name] };

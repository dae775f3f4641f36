import { integer } from './argument.js';
import { type ColumnType, columnType } from './column-type.js';
import type { BinaryValue, DecimalValue, IntegerValue } from './row-value.js';

const int = (bitWidth: number, isSigned: boolean) => columnType<IntegerValue>({ name: 'Int', bitWidth, isSigned });

export const int8 = (): ColumnType<IntegerValue> => int(8, true);
export const int16 = (): ColumnType<IntegerValue> => int(16, true);
export const int32 = (): ColumnType<IntegerValue> => int(32, true);
export const int64 = (): ColumnType<IntegerValue> => int(64, true);
export const uint8 = (): ColumnType<IntegerValue> => int(8, false);
export const uint16 = (): ColumnType<IntegerValue> => int(16, false);
export const uint32 = (): ColumnType<IntegerValue> => int(32, false);
export const uint64 = (): ColumnType<IntegerValue> => int(64, false);

const float = (precision: number) => columnType<number>({ name: 'FloatingPoint', precision });

export const float16 = (): ColumnType<number> => float(0);
export const float32 = (): ColumnType<number> => float(1);
export const float64 = (): ColumnType<number> => float(2);

export const bool = (): ColumnType<boolean> => columnType({ name: 'Bool' });

export const utf8 = (): ColumnType<string> => columnType({ name: 'Utf8' });
/** With offsets of 64 bits: for more than 2 GiB in one batch. */
export const largeUtf8 = (): ColumnType<string> => columnType({ name: 'LargeUtf8' });
export const utf8View = (): ColumnType<string> => columnType({ name: 'Utf8View' });

export const binary = (): ColumnType<BinaryValue> => columnType({ name: 'Binary' });
/** With offsets of 64 bits: for more than 2 GiB in one batch. */
export const largeBinary = (): ColumnType<BinaryValue> => columnType({ name: 'LargeBinary' });
export const binaryView = (): ColumnType<BinaryValue> => columnType({ name: 'BinaryView' });

/** Values of exactly `byteWidth` bytes. */
export function fixedSizeBinary(byteWidth: number): ColumnType<BinaryValue> {
  integer('fixedSizeBinary', 'a width in bytes', byteWidth, 0, 2 ** 31 - 1);
  return columnType({ name: 'FixedSizeBinary', byteWidth });
}

/** Nothing but nulls; nullable by itself, as it could hold no value otherwise. */
export const nullType = (): ColumnType<null | undefined> =>
  columnType<never>({ name: 'Null' }).with({ nullable: true });

function decimal(bitWidth: number, precision: number, scale: number, maxPrecision: number): ColumnType<DecimalValue> {
  const name = `decimal${bitWidth}`;
  integer(name, 'a precision', precision, 1, maxPrecision);
  // Rust's decimals hold the scale in 8 bits.
  integer(name, 'a scale', scale, -128, 127);
  return columnType({ name: 'Decimal', precision, scale, bitWidth });
}

/** `precision`: digits in all, 1 to 9; `scale`: how many of them are behind the point, or with a negative one how many zeros follow. */
export const decimal32 = (precision: number, scale = 0): ColumnType<DecimalValue> => decimal(32, precision, scale, 9);
/** The same with 1 to 18 digits. */
export const decimal64 = (precision: number, scale = 0): ColumnType<DecimalValue> => decimal(64, precision, scale, 18);
/** The same with 1 to 38 digits. */
export const decimal128 = (precision: number, scale = 0): ColumnType<DecimalValue> =>
  decimal(128, precision, scale, 38);
/** The same with 1 to 76 digits. */
export const decimal256 = (precision: number, scale = 0): ColumnType<DecimalValue> =>
  decimal(256, precision, scale, 76);

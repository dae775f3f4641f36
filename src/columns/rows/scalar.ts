import type { Cursor } from './cursor.js';
import { dateOf, timeOfDayOf } from './date.js';
import { decimalOf } from './decimal.js';
import { durationOf, intervalWriter } from './duration.js';
import { expectationOf } from './expectation.js';
import { Misfit } from './misfit.js';
import { halfBits, integer64Of, integerOf } from './number.js';
import { appendBinary, appendText, binaryOf, writeBinaryView, writeTextView } from './text.js';
import { timestampWriter, type WriteWords } from './timestamp.js';

/** Writes a value, which is not null, as row `row` of a column. @throws a Misfit, or NO_ROOM. */
export type Write = (value: unknown, row: number) => void;

/** How values of a type without children are written. */
export function scalarWriter(cursor: Cursor): Write {
  const { type } = cursor.field;
  switch (type.name) {
    case 'Bool':
      return boolWriter(cursor);
    case 'Int':
      return type.bitWidth === 64
        ? int64Writer(cursor, integer64Of(type.isSigned))
        : numberWriter(cursor, integerOf(type));
    case 'FloatingPoint':
      return type.precision === 0 ? numberWriter(cursor, halfOf) : floatWriter(cursor);
    case 'Utf8':
    case 'LargeUtf8':
      return textWriter(cursor, appendText);
    case 'Utf8View':
      return textWriter(cursor, writeTextView);
    case 'Binary':
    case 'LargeBinary':
      return binaryWriter(cursor, appendBinary);
    case 'BinaryView':
      return binaryWriter(cursor, writeBinaryView);
    case 'FixedSizeBinary':
      return fixedWriter(cursor, type.byteWidth);
    case 'Decimal':
      return decimalWriter(cursor, type);
    case 'Date':
      return type.unit === 0 ? numberWriter(cursor, dateOf(0)) : int64Writer(cursor, dateOf(1));
    case 'Time':
      return type.bitWidth === 32
        ? numberWriter(cursor, timeOfDayOf(type.unit))
        : int64Writer(cursor, timeOfDayOf(type.unit));
    case 'Timestamp':
      return wordsWriter(cursor, timestampWriter(type));
    case 'Duration':
      return int64Writer(cursor, durationOf(type.unit));
    case 'Interval':
      return wordsWriter(cursor, intervalWriter(type.unit));
    default: {
      const expected = expectationOf(cursor.field);
      return (value) => {
        throw Misfit.of(expected, value);
      };
    }
  }
}

const halfOf = (value: unknown) => (typeof value === 'number' ? halfBits(value) : undefined);

function numberWriter(cursor: Cursor, convert: (value: unknown) => number | undefined): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    const number = convert(value);
    if (number === undefined) throw Misfit.of(expected, value);
    cursor.values[row] = number;
  };
}

/** Not by a conversion, which would put each number on the heap to return it. */
function floatWriter(cursor: Cursor): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    if (typeof value !== 'number') throw Misfit.of(expected, value);
    cursor.values[row] = value;
  };
}

function int64Writer(cursor: Cursor, convert: (value: unknown) => number | bigint | undefined): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    const integer = convert(value);
    if (integer === undefined) throw Misfit.of(expected, value);
    if (typeof integer === 'number') cursor.setInt64(row, integer);
    else cursor.values[row] = integer;
  };
}

function wordsWriter(cursor: Cursor, write: WriteWords): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    if (!write(cursor.words, row, value)) throw Misfit.of(expected, value);
  };
}

function boolWriter(cursor: Cursor): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    const bits = cursor.values as Uint8Array;
    if (value === true) bits[row >>> 3]! |= 1 << (row & 7);
    else if (value === false) bits[row >>> 3]! &= ~(1 << (row & 7));
    else throw Misfit.of(expected, value);
  };
}

function textWriter(cursor: Cursor, write: (cursor: Cursor, row: number, text: string) => void): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    if (typeof value !== 'string') throw Misfit.of(expected, value);
    write(cursor, row, value);
  };
}

function binaryWriter(cursor: Cursor, write: (cursor: Cursor, row: number, bytes: Uint8Array) => void): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    const bytes = binaryOf(value);
    if (!bytes) throw Misfit.of(expected, value);
    write(cursor, row, bytes);
  };
}

function fixedWriter(cursor: Cursor, byteWidth: number): Write {
  const expected = expectationOf(cursor.field);
  return (value, row) => {
    const bytes = binaryOf(value);
    if (bytes?.length !== byteWidth) throw Misfit.of(expected, value);
    cursor.valueBytes.set(bytes, row * byteWidth);
  };
}

function decimalWriter(cursor: Cursor, type: { precision: number; scale: number; bitWidth: number }): Write {
  const expected = expectationOf(cursor.field);
  const convert = decimalOf(type);
  const words = type.bitWidth / 64;
  return (value, row) => {
    const unscaled = convert(value);
    if (unscaled === undefined) throw Misfit.of(expected, value);
    const { values } = cursor;
    if (words < 1) values[row] = Number(unscaled);
    else for (let i = 0; i < words; i++) values[row * words + i] = unscaled >> BigInt(64 * i);
  };
}

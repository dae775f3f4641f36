import type { ParsedField } from '../field.js';

const UNITS = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'];

/** What a row may hold in a column, for messages. */
export function expectationOf({ type, children }: ParsedField): string {
  switch (type.name) {
    case 'Null':
      return 'nothing';
    case 'Bool':
      return 'a boolean';
    case 'Int':
      return integerText(type);
    case 'FloatingPoint':
      return 'a number';
    case 'Utf8':
    case 'LargeUtf8':
    case 'Utf8View':
      return 'a string';
    case 'Binary':
    case 'LargeBinary':
    case 'BinaryView':
      return 'bytes (an ArrayBuffer or a view of one)';
    case 'FixedSizeBinary':
      return `${type.byteWidth} bytes (an ArrayBuffer or a view of one)`;
    case 'Decimal':
      return `a decimal of at most ${type.precision} digits, ${type.scale} of them behind the point`;
    case 'Date':
      return "a date (a Date, 'YYYY-MM-DD', or milliseconds of whole days)";
    case 'Time':
      return `a time of day ('HH:MM:SS', or whole ${UNITS[type.unit]})`;
    case 'Timestamp':
      return `a time in whole ${UNITS[type.unit]} (a Date, milliseconds, a bigint of ${UNITS[type.unit]}, or ISO 8601 ${
        type.timezone === null ? 'text' : "text with 'Z' or an offset"
      })`;
    case 'Duration':
      return `a duration in whole ${UNITS[type.unit]}`;
    case 'Interval':
      return ['months', '{ days, milliseconds }', '{ months, days, nanoseconds }'][type.unit]!;
    case 'FixedSizeList':
      return `a list of ${type.listSize}`;
    case 'Map':
      return 'a Map, entries of [key, value], or an object where keys are strings';
    case 'Struct':
      return 'an object';
    case 'Union':
      return `an object with one key of ${children.map(({ name }) => JSON.stringify(name)).join(', ')}`;
    default:
      return 'a list';
  }
}

function integerText({ bitWidth, isSigned }: { bitWidth: number; isSigned: boolean }): string {
  if (bitWidth < 64) {
    const min = isSigned ? -(2 ** (bitWidth - 1)) : 0;
    return `an integer from ${min} to ${min + 2 ** bitWidth - 1}`;
  }
  return `a safe integer or a bigint from ${isSigned ? '-2^63 to 2^63 - 1' : '0 to 2^64 - 1'}`;
}

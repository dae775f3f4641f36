import type { ParsedField } from '../../columns/index.js';
import { LongDecimal } from './json-text.js';

/** Makes of a value of JSON what an appender takes, in place where it is an object. What it cannot make anything of it gives back, to be refused there. */
export type Convert = (value: unknown) => unknown;

/** Undefined where an appender takes what JSON gives. The counterpart of `alab ipc read --json`, but for unions, which are objects of one key. */
export function conversionOf(field: ParsedField): Convert | undefined {
  const { type, children } = field;
  const [child] = children;
  switch (type.name) {
    case 'FloatingPoint':
      return toFloat;
    case 'Int':
      return toNumber;
    case 'Decimal':
      return (value) => (value instanceof LongDecimal ? value.text : value);
    case 'Binary':
    case 'LargeBinary':
    case 'BinaryView':
    case 'FixedSizeBinary':
      return toBytes;
    case 'Duration':
      return (value) => (typeof value === 'string' ? new IsoDuration(value) : toNumber(value));
    case 'Interval':
      return type.unit === 0 ? toMonths : undefined;
    case 'Struct':
    case 'Union':
      return membersConversion(children);
    case 'List':
    case 'LargeList':
    case 'FixedSizeList':
      return itemsConversion(conversionOf(child!));
    case 'Map':
      return entriesConversion(child!.children.map(conversionOf));
    default:
      return undefined;
  }
}

/** Of rows. */
export const rowConversion = (fields: readonly ParsedField[]): Convert | undefined => membersConversion(fields);

const FLOATS: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const toNumber: Convert = (value) => (value instanceof LongDecimal ? Number(value.text) : value);

function toFloat(value: unknown): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && Object.hasOwn(FLOATS, value)) return FLOATS[value];
  return toNumber(value);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Text of base64; other text is refused, as text. */
export const toBytes: Convert = (value) =>
  typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : value;

/** What appenders take for Temporal's. */
export class IsoDuration {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get [Symbol.toStringTag](): string {
    return 'Temporal.Duration';
  }

  toString(): string {
    return this.#text;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const toMonths: Convert = (value) => (isObject(value) ? value.months : value);

function membersConversion(fields: readonly ParsedField[]): Convert | undefined {
  const members = fields.flatMap((field) => {
    const convert = conversionOf(field);
    return convert ? [{ name: field.name, convert, isInherited: field.name in Object.prototype }] : [];
  });
  if (members.length === 0) return undefined;
  return (value) => {
    if (!isObject(value)) return value;
    for (const { name, convert, isInherited } of members) {
      if (isInherited && !Object.hasOwn(value, name)) continue;
      const found = value[name];
      if (found === null || found === undefined) continue;
      const converted = convert(found);
      if (converted !== found) value[name] = converted;
    }
    return value;
  };
}

function itemsConversion(convert: Convert | undefined): Convert | undefined {
  if (!convert) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return value;
    for (const [index, item] of value.entries()) if (item !== null) value[index] = convert(item);
    return value;
  };
}

/** A map is an object, or an array of `{"key": ..., "value": ...}`. */
function entriesConversion([key = same, item = same]: (Convert | undefined)[]): Convert {
  return (value) => {
    if (Array.isArray(value)) return value.map((entry) => entryOf(entry, key, item));
    if (!isObject(value)) return value;
    for (const name of Object.keys(value)) value[name] = item(value[name]);
    return value;
  };
}

function entryOf(entry: unknown, key: Convert, item: Convert): unknown {
  return isObject(entry) ? [key(entry.key), item(entry.value)] : entry;
}

const same: Convert = (value) => value;

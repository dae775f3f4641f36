import {
  type ArrayNode,
  arrayOfData,
  bitAt,
  type IntArray,
  integersOf,
  intsOf,
  type ParsedField,
  type VectorLike,
  VIEW_BYTE_WIDTH,
} from '../../columns/index.js';
import { decimalText, floatsOf, halfAt, integerAt } from './number.js';
import { dateText, dayText, durationText, timestampText, timeText } from './time.js';

/** The JSON text of an array's row. */
export type ValueText = (row: number) => string;

/** How values look in JSON; `alab ipc read --help` shows it. */
export const JSON_VALUES = `integers      numbers with all their digits, 64-bit ones too
floats        numbers; "NaN", "Infinity" and "-Infinity" as strings
decimals      strings with all their digits
dates, times  ISO 8601 strings with the unit's digits; timestamps with a time zone in UTC, ending in Z
durations     ISO 8601 strings in seconds, such as "PT1.500S"
intervals     objects of months, days, milliseconds, nanoseconds
binary        strings in base64
lists         arrays; structs are objects; maps are arrays of {"key": ..., "value": ...}
unions        the value alone; dictionaries likewise`;

const LARGEST_INLINE_VIEW = 12;
const INT64 = { name: 'Int', bitWidth: 64, isSigned: true } as const;
const INT32 = { name: 'Int', bitWidth: 32, isSigned: true } as const;

const quoted = (text: string | number | bigint): string => JSON.stringify(String(text));

/** Values as JSON. Reads the array's buffers: valid as long as these. */
export function valueText(array: ArrayNode): ValueText {
  const text = array.field.dictionary ? dictionaryText(array) : typeText(array);
  if (array.nullCount === 0) return text;
  if (array.nullCount === array.length) return () => 'null';
  const bitmap = array.validity.bytes();
  return (row) => (bitAt(bitmap, row) ? text(row) : 'null');
}

function dictionaryText({ field, buffers, dictionary }: ArrayNode): ValueText {
  const indices = integersOf(buffers[0]!.bytes(), field.dictionary!.indexType);
  const entry = entryText(field.values!, dictionary!);
  return (row) => entry(Number(indices[row]));
}

/** The entries of a dictionary, which may have come in parts. */
function entryText(values: ParsedField, { data }: VectorLike): ValueText {
  const parts = data.map((part) => ({ length: part.length, text: valueText(arrayOfData(values, part)) }));
  return (index) => {
    let at = index;
    for (const { length, text } of parts) {
      if (at < length) return text(at);
      at -= length;
    }
    return 'null'; // no such entry: contents are checked by who asks for it
  };
}

function typeText(array: ArrayNode): ValueText {
  const { layout } = array.field;
  switch (layout.kind) {
    case 'null':
      return () => 'null';
    case 'bits': {
      const bits = array.buffers[0]!.bytes();
      return (row) => (bitAt(bits, row) ? 'true' : 'false');
    }
    case 'fixed':
      return fixedText(array, layout.byteWidth);
    case 'binary': {
      if (array.length === 0) return () => 'null';
      const [offsets, data] = [intsOf(array.buffers[0]!.bytes(), layout.offsetWidth), array.buffers[1]!.bytes()];
      return (row) => bytesText(data.subarray(Number(offsets[row]), Number(offsets[row + 1])), layout.isUtf8);
    }
    case 'view':
      return viewText(array, layout.isUtf8);
    case 'list': {
      if (array.length === 0) return () => 'null';
      const offsets = intsOf(array.buffers[0]!.bytes(), layout.offsetWidth);
      const items = array.field.type.name === 'Map' ? entriesText(array.children[0]!) : valueText(array.children[0]!);
      return (row) => listText(items, offsets, row);
    }
    case 'fixedSizeList': {
      const items = valueText(array.children[0]!);
      const bounds = (row: number) => [row * layout.listSize, (row + 1) * layout.listSize];
      return (row) => listText(items, bounds(row), 0);
    }
    case 'struct':
      return rowText(array.children);
    case 'union':
      return unionText(array, layout.typeIds, layout.isDense);
    default:
      throw new RangeError(`apache-arrow has no arrays of type ${array.field.type.name}`);
  }
}

/** Rows of some columns as JSON objects. */
export function rowText(columns: readonly ArrayNode[]): ValueText {
  const members = columns.map((column) => ({ key: quoted(column.field.name), text: valueText(column) }));
  return (row) => `{${members.map(({ key, text }) => `${key}:${text(row)}`).join(',')}}`;
}

function entriesText({ children }: ArrayNode): ValueText {
  const [key, value] = children.map(valueText) as [ValueText, ValueText];
  return (row) => `{"key":${key(row)},"value":${value(row)}}`;
}

function listText(items: ValueText, offsets: IntArray | number[], row: number): string {
  const texts: string[] = [];
  for (let item = Number(offsets[row]); item < Number(offsets[row + 1]); item++) texts.push(items(item));
  return `[${texts.join(',')}]`;
}

function unionText({ buffers, children }: ArrayNode, typeIds: readonly number[], isDense: boolean): ValueText {
  const ids = buffers[0]!.bytes();
  const offsets = isDense ? intsOf(buffers[1]!.bytes(), 4) : undefined;
  const texts = new Map(typeIds.map((id, index) => [id, valueText(children[index]!)]));
  return (row) => texts.get(ids[row]!)!(offsets ? Number(offsets[row]) : row);
}

function viewText({ buffers }: ArrayNode, isUtf8: boolean): ValueText {
  const [views, ...data] = buffers.map((buffer) => buffer.bytes());
  const fields = new DataView(views!.buffer, views!.byteOffset, views!.byteLength);
  return (row) => {
    const at = row * VIEW_BYTE_WIDTH;
    const length = fields.getInt32(at, true);
    if (length <= LARGEST_INLINE_VIEW) return bytesText(views!.subarray(at + 4, at + 4 + length), isUtf8);
    const begin = fields.getInt32(at + 12, true);
    return bytesText(data[fields.getInt32(at + 8, true)]!.subarray(begin, begin + length), isUtf8);
  };
}

function bytesText(bytes: Uint8Array, isUtf8: boolean): string {
  return quoted(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(isUtf8 ? 'utf8' : 'base64'));
}

function fixedText({ field, buffers }: ArrayNode, byteWidth: number): ValueText {
  const { type } = field;
  const bytes = buffers[0]!.bytes();
  const integers = (bitWidth: number) => integersOf(bytes, bitWidth === 32 ? INT32 : INT64);
  switch (type.name) {
    case 'Int': {
      const values = integersOf(bytes, type);
      return (row) => String(values[row]);
    }
    case 'FloatingPoint': {
      const at = type.precision === 0 ? halfAt(bytes) : floatsOf(bytes, byteWidth as 4 | 8);
      return (row) => floatText(at(row));
    }
    case 'Decimal':
      return (row) => quoted(decimalText(integerAt(bytes, row * byteWidth, byteWidth), type.scale));
    case 'Date': {
      const values = integers(byteWidth * 8);
      return (row) => quoted((type.unit === 0 ? dayText : dateText)(BigInt(values[row]!)));
    }
    case 'Time': {
      const values = integers(type.bitWidth);
      return (row) => quoted(timeText(BigInt(values[row]!), type.unit));
    }
    case 'Timestamp': {
      const values = integers(64);
      return (row) => quoted(timestampText(BigInt(values[row]!), type.unit, type.timezone !== null));
    }
    case 'Duration': {
      const values = integers(64);
      return (row) => quoted(durationText(BigInt(values[row]!), type.unit));
    }
    case 'Interval':
      return (row) => intervalText(bytes, row * byteWidth, type.unit);
    default: // FixedSizeBinary
      return (row) => bytesText(bytes.subarray(row * byteWidth, (row + 1) * byteWidth), false);
  }
}

const floatText = (value: number): string => (Number.isFinite(value) ? String(value) : quoted(value));

/** By Schema.fbs's IntervalUnit: months; days and milliseconds; months, days and nanoseconds. */
function intervalText(bytes: Uint8Array, at: number, unit: number): string {
  const int32 = (index: number): bigint => integerAt(bytes, at + 4 * index, 4);
  if (unit === 0) return `{"months":${int32(0)}}`;
  if (unit === 1) return `{"days":${int32(0)},"milliseconds":${int32(1)}}`;
  return `{"months":${int32(0)},"days":${int32(1)},"nanoseconds":${integerAt(bytes, at + 8, 8)}}`;
}

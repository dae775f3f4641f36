import type { ParsedField } from '../field.js';
import type { DataLike } from '../shape.js';
import { floatJson, halfOf, type Json } from './random-scalars.js';

/**
 * Row `row` of apache-arrow's Data in the form of `jsonOf`, read from its buffers: apache-arrow's own getters lose digits of times and of
 * decimals. `data` of a struct of all columns gives a whole row.
 */
export function readJson(
  field: Pick<ParsedField, 'type' | 'children' | 'dictionary' | 'values'>,
  data: DataLike,
  row: number,
): Json {
  if (field.type.name === 'Null' || isNull(data, row)) return null;
  const { values, children } = data;
  if (field.dictionary) return readEntry(field.values!, data, Number(at(values, row)));
  const { type } = field;
  const item = (place: number, childRow: number) => readJson(field.children[place]!, children[place]!, childRow);
  const offset = (of: number) => Number(at(data.valueOffsets, of));
  const items = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => item(0, first + i));
  switch (type.name) {
    case 'Bool':
      return bit(values, data.offset + row) === 1;
    case 'Int':
      return type.bitWidth === 64 ? String(at(values, row)) : Number(at(values, row));
    case 'FloatingPoint':
      return floatJson(type.precision === 0 ? halfOf(Number(at(values, row))) : Number(at(values, row)));
    case 'Utf8':
    case 'LargeUtf8':
      return buffer(values).toString('utf8', offset(row), offset(row + 1));
    case 'Binary':
    case 'LargeBinary':
      return buffer(values).toString('hex', offset(row), offset(row + 1));
    case 'Utf8View':
      return view(data, row).toString('utf8');
    case 'BinaryView':
      return view(data, row).toString('hex');
    case 'FixedSizeBinary':
      return buffer(values).toString('hex', row * type.byteWidth, (row + 1) * type.byteWidth);
    case 'Decimal':
      return String(integer(buffer(values).subarray((row * type.bitWidth) / 8, ((row + 1) * type.bitWidth) / 8)));
    case 'Date':
      return type.unit === 0 ? buffer(values).readInt32LE(4 * row) : String(buffer(values).readBigInt64LE(8 * row));
    case 'Time':
      return type.unit < 2 ? buffer(values).readInt32LE(4 * row) : String(buffer(values).readBigInt64LE(8 * row));
    case 'Timestamp':
    case 'Duration':
      return String(buffer(values).readBigInt64LE(8 * row));
    case 'Interval':
      return interval(buffer(values), type.unit, row);
    case 'List':
    case 'LargeList':
      return items(offset(row), offset(row + 1));
    case 'Map':
      return items(offset(row), offset(row + 1));
    case 'FixedSizeList':
      return items(row * type.listSize, (row + 1) * type.listSize);
    case 'Struct':
      return field.children.map((_, place) => item(place, row));
    case 'Union': {
      const place = type.typeIds.indexOf(Number(at(data.typeIds, row)));
      const json = item(place, type.mode === 1 ? offset(row) : row);
      return json === null ? null : [place, json];
    }
    default:
      throw new RangeError(`expected a type that apache-arrow knows, found ${type.name}`);
  }
}

const at = (values: unknown, index: number) => (values as ArrayLike<number | bigint>)[index]!;
const bit = (bitmap: unknown, index: number) => (Number(at(bitmap, index >> 3)) >> (index & 7)) & 1;

function isNull({ nullCount, nullBitmap, offset }: DataLike, row: number): boolean {
  // Of a union apache-arrow counts its children's nulls.
  return nullCount > 0 && nullBitmap != null && bit(nullBitmap, offset + row) === 0;
}

function buffer(values: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = values as Uint8Array<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}

function view({ values, variadicBuffers }: DataLike, row: number): Buffer {
  const bytes = buffer(values).subarray(16 * row, 16 * row + 16);
  const length = bytes.readInt32LE(0);
  if (length <= 12) {
    if (bytes.subarray(4 + length).some((byte) => byte !== 0))
      throw new RangeError('expected zeros behind a short view');
    return bytes.subarray(4, 4 + length);
  }
  const start = bytes.readInt32LE(12);
  const long = buffer(variadicBuffers![bytes.readInt32LE(8)]).subarray(start, start + length);
  if (!long.subarray(0, 4).equals(bytes.subarray(4, 8)))
    throw new RangeError('expected the first four bytes in the view');
  return long;
}

function readEntry(values: ParsedField, { dictionary }: DataLike, index: number): Json {
  let start = 0;
  for (const part of dictionary!.data) {
    if (index < start + part.length) return readJson(values, part, index - start);
    start += part.length;
  }
  throw new RangeError(`expected an index below ${start}, found ${index}`);
}

function integer(bytes: Buffer): bigint {
  return BigInt.asIntN(
    8 * bytes.length,
    bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n),
  );
}

function interval(bytes: Buffer, unit: number, row: number): Json {
  if (unit === 0) return bytes.readInt32LE(4 * row);
  if (unit === 1) return [bytes.readInt32LE(8 * row), bytes.readInt32LE(8 * row + 4)];
  return [bytes.readInt32LE(16 * row), bytes.readInt32LE(16 * row + 4), String(bytes.readBigInt64LE(16 * row + 8))];
}

import type { ParsedField } from '../field.js';

export type ValueArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

export type ValueArrayClass = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ValueArray;
  readonly BYTES_PER_ELEMENT: number;
};

/**
 * The class of array in which a column's values are written: the type's own where there is one. Otherwise halves as Uint16Array, decimals
 * of 128 and 256 bits as two and four words of BigUint64Array, intervals of days or months in several parts as words of Int32Array,
 * booleans, views and binaries of fixed size as bytes.
 */
export function valueArrayOf({ type, dictionary }: ParsedField): ValueArrayClass {
  const of = dictionary?.indexType ?? type;
  switch (of.name) {
    case 'Int':
      return INTS[`${of.isSigned ? '' : 'u'}int${of.bitWidth}`]!;
    case 'FloatingPoint':
      return [Uint16Array, Float32Array, Float64Array][of.precision]!;
    case 'Decimal':
      return of.bitWidth === 32 ? Int32Array : of.bitWidth === 64 ? BigInt64Array : BigUint64Array;
    case 'Date':
      return of.unit === 0 ? Int32Array : BigInt64Array;
    case 'Time':
      return of.bitWidth === 32 ? Int32Array : BigInt64Array;
    case 'Timestamp':
    case 'Duration':
      return BigInt64Array;
    case 'Interval':
      return Int32Array;
    default:
      return Uint8Array;
  }
}

const INTS: Record<string, ValueArrayClass> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

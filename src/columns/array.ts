import type { BufferSource } from './buffer.js';
import type { ParsedField } from './field.js';
import type { VectorLike } from './shape.js';
import type { IntType } from './type.js';

/**
 * The physical form of one array: a node of a column's tree with its buffers, as IPC and C Data describe it, with offset 0.
 * It owns nothing; it is valid for as long as the memory or file its buffers come from.
 */
export interface ArrayNode {
  readonly field: ParsedField;
  readonly length: number;
  readonly nullCount: number;
  /** Empty where all rows are valid, and for layouts that have none. */
  readonly validity: BufferSource;
  /** Those after the validity bitmap, in the format's order, variadic ones last. */
  readonly buffers: readonly BufferSource[];
  readonly children: readonly ArrayNode[];
  /** What the indices refer to, for an array that was made from apache-arrow's Data. */
  readonly dictionary?: VectorLike | undefined;
}

/** Offsets. As numbers their values are exact up to 2^53. */
export type IntArray = Int32Array | BigInt64Array;

/** `bytes` as offsets of the given width. Copies if they do not start at a multiple of it. */
export function intsOf(bytes: Uint8Array, byteWidth: 4 | 8): IntArray {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % byteWidth === 0 ? bytes : bytes.slice();
  const length = Math.floor(byteLength / byteWidth);
  return byteWidth === 4 ? new Int32Array(buffer, byteOffset, length) : new BigInt64Array(buffer, byteOffset, length);
}

const INDEX_ARRAYS = {
  8: [Uint8Array, Int8Array],
  16: [Uint16Array, Int16Array],
  32: [Uint32Array, Int32Array],
  64: [BigUint64Array, BigInt64Array],
} as const;

/** `bytes` as integers of a type: a dictionary's indices, run ends. Copies if they do not start at a multiple of their width. */
export function integersOf(bytes: Uint8Array, { bitWidth, isSigned }: IntType): ArrayLike<number | bigint> {
  const TypedArray = INDEX_ARRAYS[bitWidth as keyof typeof INDEX_ARRAYS][isSigned ? 1 : 0];
  const byteWidth = bitWidth / 8;
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % byteWidth === 0 ? bytes : bytes.slice();
  return new TypedArray(buffer as ArrayBuffer, byteOffset, Math.floor(byteLength / byteWidth));
}

/** `count` integers given by index, as the bytes of int32 or int64. */
export function intBytes(count: number, byteWidth: 4 | 8, at: (index: number) => number): Uint8Array {
  const ints = byteWidth === 4 ? new Int32Array(count) : new BigInt64Array(count);
  if (ints instanceof Int32Array) for (let i = 0; i < count; i++) ints[i] = at(i);
  else for (let i = 0; i < count; i++) ints[i] = BigInt(at(i));
  return new Uint8Array(ints.buffer);
}

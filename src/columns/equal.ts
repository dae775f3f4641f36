import type { ArrayNode } from './array.js';
import { sliceBitmap } from './bitmap.js';
import type { BufferSource } from './buffer.js';

/**
 * Whether two arrays of one field have the same bytes, and so the same values. Dictionaries are not looked at. Arrays that
 * differ only in what lies under their nulls, or in how views are laid out, count as different.
 */
export function equalArrays(a: ArrayNode, b: ArrayNode): boolean {
  const { length, field } = a;
  const isBits = field.layout.kind === 'bits';
  return (
    length === b.length &&
    a.nullCount === b.nullCount &&
    equalBits(a.validity, b.validity, length) &&
    a.buffers.length === b.buffers.length &&
    a.buffers.every((x, i) =>
      isBits ? equalBits(x, b.buffers[i]!, length) : equalBytes(x.bytes(), b.buffers[i]!.bytes()),
    ) &&
    a.children.every((child, i) => equalArrays(child, b.children[i]!))
  );
}

function equalBits(a: BufferSource, b: BufferSource, length: number): boolean {
  return (
    a.byteLength === b.byteLength && equalBytes(sliceBitmap(a.bytes(), 0, length), sliceBitmap(b.bytes(), 0, length))
  );
}

const equalBytes = (a: Uint8Array, b: Uint8Array) => a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;

/** Bytes that a bitmap of `length` bits takes. */
export function bitmapByteLength(length: number): number {
  return Math.ceil(length / 8);
}

/** A new bitmap of `length` bits with the ones of `bitmap` from `bitOffset` on; bits past its end and past `length` are 0. */
export function sliceBitmap(bitmap: Uint8Array, bitOffset: number, length: number): Uint8Array {
  const first = Math.floor(bitOffset / 8);
  const shift = bitOffset % 8;
  const result = new Uint8Array(bitmapByteLength(length));
  const source = bitmap.subarray(first, first + result.length + 1);
  if (shift === 0) {
    result.set(source.subarray(0, result.length));
  } else {
    for (let i = 0; i < result.length; i++) {
      result[i] = ((source[i] ?? 0) >> shift) | ((source[i + 1] ?? 0) << (8 - shift));
    }
  }
  clearPast(result, length);
  return result;
}

/** A bitmap of `length` bits of which the first `ones` are set. */
export function firstBits(length: number, ones: number): Uint8Array {
  const bitmap = new Uint8Array(bitmapByteLength(length));
  const filled = bitmap.subarray(0, bitmapByteLength(ones)).fill(255);
  clearPast(filled, ones);
  return bitmap;
}

/** Clears the bits of `bitmap`'s last byte that are past `length`. */
export function clearPast(bitmap: Uint8Array, length: number): void {
  if (length % 8 !== 0) bitmap[bitmap.length - 1]! &= (1 << (length % 8)) - 1;
}

/** Copies `length` bits from the start of `source` into `target` from `bitOffset` on, where the target's bits are 0. */
export function appendBits(target: Uint8Array, bitOffset: number, source: Uint8Array, length: number): void {
  const bits = sliceBitmap(source, 0, length);
  const first = Math.floor(bitOffset / 8);
  const shift = bitOffset % 8;
  for (let i = 0; i < bits.length; i++) {
    target[first + i]! |= bits[i]! << shift;
    if (shift > 0 && first + i + 1 < target.length) target[first + i + 1]! |= bits[i]! >> (8 - shift);
  }
}

/** How many of the `length` bits from `bitOffset` on are set; those past the bitmap's end are not. */
export function countBits(bitmap: Uint8Array, bitOffset: number, length: number): number {
  const end = Math.min(bitOffset + length, bitmap.length * 8);
  let count = 0;
  let bit = bitOffset;
  for (; bit < end && bit % 8 !== 0; bit++) count += bitAt(bitmap, bit);
  let byte = bit / 8;
  const endByte = Math.floor(end / 8);
  const view = new DataView(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
  for (; byte + 4 <= endByte; byte += 4) count += countWord(view.getUint32(byte, true));
  for (; byte < endByte; byte++) count += countWord(bitmap[byte]!);
  for (bit = Math.max(bit, endByte * 8); bit < end; bit++) count += bitAt(bitmap, bit);
  return count;
}

/** The bit at an index, 0 or 1. */
export function bitAt(bitmap: Uint8Array, index: number): number {
  return (bitmap[Math.floor(index / 8)]! >> (index % 8)) & 1;
}

function countWord(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

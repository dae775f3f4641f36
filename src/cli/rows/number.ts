/** The signed little-endian integer of `byteWidth` bytes, a multiple of 4, at `offset`. */
export function integerAt(bytes: Uint8Array, offset: number, byteWidth: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, byteWidth);
  let value = BigInt(view.getInt32(byteWidth - 4, true));
  for (let at = byteWidth - 8; at >= 0; at -= 4) value = (value << 32n) | BigInt(view.getUint32(at, true));
  return value;
}

/** `unscaled` times ten to the power of -`scale`, with all its digits. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Floats by row. */
export function floatsOf(bytes: Uint8Array, byteWidth: 4 | 8): (row: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return byteWidth === 4 ? (row) => view.getFloat32(4 * row, true) : (row) => view.getFloat64(8 * row, true);
}

/** Floats of 16 bits by row: a sign, 5 bits of exponent, 10 of fraction. */
export function halfAt(bytes: Uint8Array): (row: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (row) => {
    const bits = view.getUint16(2 * row, true);
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 0x1f, bits & 0x3ff];
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  };
}

import { isUtf8 } from 'node:buffer';
import { Malformed } from './wire.js';

/** Thrown where a batch has no room for a row. */
export const FULL = { reason: 'no room' } as const;

/** Up to this length a loop is faster than a view of the bytes. */
const SHORT = 48;

/** Writes bytes into a row of a column, in place of what it had. @throws FULL when there is no room. */
export function writeBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  offsets: Int32Array,
  data: Uint8Array,
  row: number,
): void {
  const target = offsets[row]!;
  const targetEnd = target + end - start;
  if (targetEnd > data.length) throw FULL;
  if (end - start <= SHORT) for (let i = start, to = target; i < end; i++, to++) data[to] = bytes[i]!;
  else data.set(bytes.subarray(start, end), target);
  offsets[row + 1] = targetEnd;
}

/** The same for text. @throws Malformed for invalid UTF-8 if `isStrict`; else U+FFFD takes its place. */
export function writeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  offsets: Int32Array,
  data: Uint8Array,
  row: number,
  isStrict: boolean,
): void {
  const target = offsets[row]!;
  const targetEnd = target + end - start;
  if (targetEnd > data.length) throw FULL;
  if (end - start <= SHORT) {
    let all = 0;
    for (let i = start, to = target; i < end; i++, to++) {
      const byte = bytes[i]!;
      all |= byte;
      data[to] = byte;
    }
    offsets[row + 1] = targetEnd;
    if (all < 0x80) return;
  } else {
    data.set(bytes.subarray(start, end), target);
    offsets[row + 1] = targetEnd;
  }
  if (!isUtf8(data.subarray(target, targetEnd)))
    writeInvalid(bytes.subarray(start, end), start, offsets, data, row, isStrict);
}

function writeInvalid(
  text: Uint8Array,
  start: number,
  offsets: Int32Array,
  data: Uint8Array,
  row: number,
  isStrict: boolean,
): void {
  if (isStrict) throw new Malformed(start, 'UTF-8', `other bytes (${text.length} in all)`);
  const replaced = ENCODER.encode(DECODER.decode(text));
  writeBytes(replaced, 0, replaced.length, offsets, data, row);
}

const ENCODER = new TextEncoder();
/** A leading U+FEFF is text in protobuf. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of a field as @bufbuild/protobuf has it. @throws Malformed for invalid UTF-8 if `isStrict`. */
export function textOf(bytes: Uint8Array, start: number, end: number, isStrict: boolean): string {
  const text = bytes.subarray(start, end);
  if (isStrict && !isUtf8(text)) throw new Malformed(start, 'UTF-8', `other bytes (${text.length} in all)`);
  return DECODER.decode(text);
}

import { types } from 'node:util';
import { bytesOf } from '../buffer.js';
import type { Cursor } from './cursor.js';
import { Misfit, NO_ROOM } from './misfit.js';

/** Up to so many characters a loop over them is faster than a call into the engine, where all of them are ASCII. */
export const SHORT_TEXT = 24;
const VIEW_INLINE = 12;
const MAX_INT32 = 2 ** 31 - 1;

/** Appends the text of row `row` to the data of a column with offsets. */
export function appendText(cursor: Cursor, row: number, text: string): void {
  const { data, dataLength } = cursor;
  const end = shortText(data, dataLength, text) || encodedText(data, dataLength, text);
  cursor.dataLength = end;
  cursor.setOffset(row + 1, end);
}

/** Where the text ends in `data`, which it is written to if it is short ASCII; else 0. */
function shortText(data: Uint8Array, start: number, text: string): number {
  const { length } = text;
  if (length > SHORT_TEXT || length === 0 || start + length > data.length) return 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return 0;
    data[start + i] = code;
  }
  return start + length;
}

/** Where the text ends in `data`. @throws NO_ROOM or a Misfit. */
function encodedText(data: Buffer, start: number, text: string): number {
  checkText(text);
  const room = data.length - start;
  if (text.length > room || (text.length * 3 > room && Buffer.byteLength(text) > room)) throw NO_ROOM;
  return start + data.write(text, start);
}

/** @throws a Misfit for lone surrogates, which have no UTF-8. */
function checkText(text: string): void {
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw Misfit.of('a string without lone surrogates', text);
  }
}

/** The bytes of an ArrayBuffer or a view of one; undefined for all else. */
export function binaryOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return bytesOf(value);
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

/** Appends the bytes of row `row` to the data of a column with offsets. */
export function appendBinary(cursor: Cursor, row: number, bytes: Uint8Array): void {
  cursor.dataLength = copied(cursor, bytes);
  cursor.setOffset(row + 1, cursor.dataLength);
}

/** Where the bytes end in the cursor's data, which they are written to. @throws NO_ROOM or a Misfit. */
function copied({ data, dataLength: start, layout }: Cursor, bytes: Uint8Array): number {
  const { length } = bytes;
  if (start + length > data.length) {
    const isLarge = layout.kind === 'binary' && layout.offsetWidth === 8;
    // No batch could ever have room for them. Strings of that length are beyond the engine.
    if (length > MAX_INT32 && !isLarge)
      throw new Misfit(`at most ${MAX_INT32} bytes, as 32 bits can count (declare largeBinary)`, `${length} bytes`);
    throw NO_ROOM;
  }
  data.set(bytes, start);
  return start + length;
}

/** Writes a text's view, and its bytes into the data where the view has no room for them. */
export function writeTextView(cursor: Cursor, row: number, text: string): void {
  checkText(text);
  const byteLength = text.length > VIEW_INLINE ? text.length : Buffer.byteLength(text);
  if (byteLength > VIEW_INLINE) refer(cursor, row, encodedText(cursor.data, cursor.dataLength, text));
  else {
    clearView(cursor.words, row, byteLength);
    cursor.valueBytes.write(text, 16 * row + 4);
  }
}

/** Writes the view of bytes, and them into the data where the view has no room for them. */
export function writeBinaryView(cursor: Cursor, row: number, bytes: Uint8Array): void {
  if (bytes.length > VIEW_INLINE) refer(cursor, row, copied(cursor, bytes));
  else {
    clearView(cursor.words, row, bytes.length);
    cursor.valueBytes.set(bytes, 16 * row + 4);
  }
}

/** A view of nothing but zeros and its length. */
export function clearView(words: Int32Array, row: number, byteLength: number): void {
  words[4 * row] = byteLength;
  words[4 * row + 1] = 0;
  words[4 * row + 2] = 0;
  words[4 * row + 3] = 0;
}

/** The view of data from the last value's end to `end`: length, the first four bytes, number of the data buffer, where in it. */
function refer(cursor: Cursor, row: number, end: number): void {
  const { words, data, dataLength } = cursor;
  words[4 * row] = end - dataLength;
  words[4 * row + 1] = data.readInt32LE(dataLength);
  words[4 * row + 2] = 0;
  words[4 * row + 3] = dataLength;
  cursor.dataLength = end;
}

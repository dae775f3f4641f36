import { isUtf8 } from 'node:buffer';
import {
  type ArrayNode,
  bitAt,
  type IntType,
  integersOf,
  intsOf,
  type ParsedField,
  VIEW_BYTE_WIDTH,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';

/** Views of up to this many bytes hold them; longer ones name a buffer, and hold the first four for comparing. */
const INLINE_VIEW_BYTE_LENGTH = 12;
const PREFIX_BYTE_LENGTH = 4;

// Each of these checks the values of one kind of layout, and throws DATA_INVALID naming column and row. Rows that are null
// are checked as far as readers look at them: offsets yes, what they point to no.

/** Offsets never shrink and stay within `end`. */
export function checkOffsets({ field, length, buffers }: ArrayNode, offsetWidth: 4 | 8, end: number): void {
  if (length === 0) return;
  const offsets = intsOf(buffers[0]!.bytes(), offsetWidth);
  let last = Number(offsets[0]);
  if (last < 0) throw dataInvalid(field, 0, 'an offset of at least 0', last);
  for (let row = 0; row < length; row++) {
    const next = Number(offsets[row + 1]);
    if (next < last || next > end) throw dataInvalid(field, row, `an end from ${last} to ${end}`, next);
    last = next;
  }
}

/** Each value is UTF-8; the offsets have been checked. */
export function checkText(array: ArrayNode, offsetWidth: 4 | 8): void {
  const { field, length, buffers } = array;
  if (length === 0) return;
  const offsets = intsOf(buffers[0]!.bytes(), offsetWidth);
  const data = buffers[1]!.bytes();
  if (isWholeText(data, offsets, length)) return;
  for (const row of validRows(array)) {
    if (!isUtf8(data.subarray(Number(offsets[row]), Number(offsets[row + 1]))))
      throw dataInvalid(field, row, 'UTF-8', 'other bytes');
  }
}

/** Whether all the values in one piece are UTF-8 and none begins within a character: then each is. */
function isWholeText(data: Uint8Array, offsets: ArrayLike<number | bigint>, length: number): boolean {
  const end = Number(offsets[length]);
  if (!isUtf8(data.subarray(Number(offsets[0]), end))) return false;
  for (let row = 0; row < length; row++) {
    const begin = Number(offsets[row]);
    if (begin < end && (data[begin]! & 0xc0) === 0x80) return false;
  }
  return true;
}

/** Offsets and sizes of a list view stay within its child. */
export function checkSpans({ field, length, buffers, children }: ArrayNode, offsetWidth: 4 | 8): void {
  const [offsets, sizes] = [intsOf(buffers[0]!.bytes(), offsetWidth), intsOf(buffers[1]!.bytes(), offsetWidth)];
  const end = children[0]!.length;
  for (let row = 0; row < length; row++) {
    const [offset, size] = [Number(offsets[row]), Number(sizes[row])];
    if (offset < 0 || size < 0 || offset + size > end) {
      throw dataInvalid(field, row, `a list within the ${end} rows of its child`, `${size} from ${offset} on`);
    }
  }
}

/** Views have lengths of at least 0, and those that name a buffer lie in it and begin with the prefix they hold. */
export function checkViews(array: ArrayNode, isText: boolean): void {
  const { field } = array;
  const [views, ...data] = array.buffers.map((buffer) => buffer.bytes());
  const view = new DataView(views!.buffer, views!.byteOffset, views!.byteLength);
  for (const row of validRows(array)) {
    const start = row * VIEW_BYTE_WIDTH;
    const byteLength = view.getInt32(start, true);
    let bytes = views!.subarray(start + PREFIX_BYTE_LENGTH, start + PREFIX_BYTE_LENGTH + byteLength);
    if (byteLength < 0) throw dataInvalid(field, row, 'a length of at least 0', byteLength);
    if (byteLength > INLINE_VIEW_BYTE_LENGTH) {
      const [index, offset] = [view.getInt32(start + 8, true), view.getInt32(start + 12, true)];
      const buffer = data[index];
      if (!buffer) throw dataInvalid(field, row, `one of ${data.length} buffers`, `number ${index}`);
      if (offset < 0 || offset + byteLength > buffer.byteLength) {
        throw dataInvalid(
          field,
          row,
          `bytes within the ${buffer.byteLength} of buffer ${index}`,
          `${byteLength} from ${offset} on`,
        );
      }
      bytes = buffer.subarray(offset, offset + byteLength);
      const prefix = views!.subarray(start + 4, start + 4 + PREFIX_BYTE_LENGTH);
      if (Buffer.compare(prefix, bytes.subarray(0, PREFIX_BYTE_LENGTH)) !== 0) {
        throw dataInvalid(field, row, 'a prefix equal to the first bytes', 'another');
      }
    }
    if (isText && !isUtf8(bytes)) throw dataInvalid(field, row, 'UTF-8', 'other bytes');
  }
}

/** Indices are at least 0; gives the largest and its row, or -1. */
export function checkIndices(array: ArrayNode, indexType: IntType): { readonly max: number; readonly row: number } {
  const indices = integersOf(array.buffers[0]!.bytes(), indexType);
  let max = -1;
  let rowOfMax = 0;
  for (const row of validRows(array)) {
    const index = Number(indices[row]);
    if (index < 0) throw dataInvalid(array.field, row, 'an index of at least 0', index);
    if (index > max) [max, rowOfMax] = [index, row];
  }
  return { max, row: rowOfMax };
}

/** Type ids are ones of the type; offsets of a dense union lie in the child that the id names. */
export function checkUnion(
  { field, length, buffers, children }: ArrayNode,
  typeIds: readonly number[],
  isDense: boolean,
): void {
  const lengths = new Map(typeIds.map((id, index) => [id, children[index]!.length]));
  const ids = buffers[0]!.bytes();
  const offsets = isDense ? intsOf(buffers[1]!.bytes(), 4) : undefined;
  for (let row = 0; row < length; row++) {
    const childLength = lengths.get(ids[row]!);
    if (childLength === undefined) throw dataInvalid(field, row, `a type id of ${typeIds.join(', ')}`, ids[row]);
    const offset = offsets ? Number(offsets[row]) : row;
    if (offset < 0 || offset >= childLength) throw dataInvalid(field, row, `an offset below ${childLength}`, offset);
  }
}

/** Run ends grow from more than 0 to at least the array's length. */
export function checkRuns({ field, length, children }: ArrayNode): void {
  const runs = children[0]!;
  const ends = integersOf(runs.buffers[0]!.bytes(), runs.field.type as IntType);
  let last = 0;
  for (let run = 0; run < runs.length; run++) {
    const end = Number(ends[run]);
    if (end <= last) throw dataInvalid(runs.field, run, `a run end beyond ${last}`, end);
    last = end;
  }
  if (last < length) throw dataInvalid(field, length - 1, `runs up to row ${length}`, `${last}`);
}

function* validRows({ length, nullCount, validity }: ArrayNode): Iterable<number> {
  const bitmap = nullCount > 0 ? validity.bytes() : undefined;
  for (let row = 0; row < length; row++) if (!bitmap || bitAt(bitmap, row)) yield row;
}

export function dataInvalid({ path }: ParsedField, row: number, expected: string, found: unknown): ArrowlabError {
  return new ArrowlabError(
    'DATA_INVALID',
    `column ${JSON.stringify(path)}, row ${row}: expected ${expected}, found ${found}`,
  );
}

import type { Cell } from './cell.js';
import type { EnumDictionary } from './enum-dictionary.js';
import type { ScalarContent } from './plan.js';
import { writeBytes, writeText } from './text.js';
import { HIGH, LOW, lengthEnd, POSITION, state, truncated, varint32, varint64 } from './wire.js';

/** Reads a value that starts at `start` into a row; gives where reading goes on. */
export type Read = (bytes: Uint8Array, start: number, row: number) => number;

/** What reads a scalar into its cell. */
export function scalarReader(content: ScalarContent, cell: Cell, dictionary: EnumDictionary | undefined): Read {
  switch (content.kind) {
    case 'varint32':
      return (bytes, start, row) => {
        cell.words[row] = varint32(bytes, start);
        return state[POSITION]!;
      };
    case 'enum': {
      return (bytes, start, row) => {
        const number = varint32(bytes, start) | 0;
        cell.words[row] = dictionary ? dictionary.indexOf(number) : number;
        return state[POSITION]!;
      };
    }
    case 'zigzag32':
      return (bytes, start, row) => {
        const value = varint32(bytes, start);
        cell.words[row] = (value >>> 1) ^ -(value & 1);
        return state[POSITION]!;
      };
    case 'fixed32':
      return (bytes, start, row) => {
        cell.words[row] = word(bytes, start);
        return start + 4;
      };
    case 'varint64':
      return (bytes, start, row) => {
        varint64(bytes, start);
        cell.words[2 * row] = state[LOW]!;
        cell.words[2 * row + 1] = state[HIGH]!;
        return state[POSITION]!;
      };
    case 'zigzag64':
      return (bytes, start, row) => {
        varint64(bytes, start);
        const [low, high] = [state[LOW]!, state[HIGH]!];
        const sign = -(low & 1);
        cell.words[2 * row] = ((low >>> 1) | (high << 31)) ^ sign;
        cell.words[2 * row + 1] = (high >>> 1) ^ sign;
        return state[POSITION]!;
      };
    case 'fixed64':
      return (bytes, start, row) => {
        if (start + 8 > bytes.length) truncated(bytes, start, 8);
        cell.words[2 * row] = word(bytes, start);
        cell.words[2 * row + 1] = word(bytes, start + 4);
        return start + 8;
      };
    case 'bool':
      return (bytes, start, row) => {
        varint64(bytes, start);
        cell.setBit(row, state[LOW] !== 0 || state[HIGH] !== 0);
        return state[POSITION]!;
      };
    case 'bytes':
      return (bytes, start, row) => {
        const end = lengthEnd(bytes, start);
        writeBytes(bytes, state[POSITION]!, end, cell.offsets, cell.data, row);
        return end;
      };
    case 'string': {
      const { isStrict } = content;
      return (bytes, start, row) => {
        const end = lengthEnd(bytes, start);
        writeText(bytes, state[POSITION]!, end, cell.offsets, cell.data, row, isStrict);
        return end;
      };
    }
  }
}

/** Four bytes as a word, the lowest first. */
function word(bytes: Uint8Array, start: number): number {
  if (start + 4 > bytes.length) truncated(bytes, start, 4);
  return bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24);
}

import type { Cursor } from './cursor.js';
import { takesNull } from './null.js';
import { clearView } from './text.js';

/** Writes row `row` of a column without a value. */
export type WriteEmpty = (row: number) => void;

/**
 * What a row has that holds no value, because it or something above it is null: null where the field is nullable, zeros or no items
 * anywhere below. Memory that is used again holds old values: each of them is written over.
 */
export function emptyOf(cursor: Cursor): WriteEmpty {
  const clear = contentsOf(cursor);
  return (row) => {
    if (cursor.validity) cursor.setNull(row);
    clear(row);
  };
}

/** The same without saying that it is null. */
export function contentsOf(cursor: Cursor): WriteEmpty {
  const { layout, children, dictionary } = cursor;
  switch (layout.kind) {
    case 'bits':
      return (row) => {
        (cursor.values as Uint8Array)[row >>> 3]! &= ~(1 << (row & 7));
      };
    case 'fixed': {
      const { byteWidth } = layout;
      return (row) => {
        cursor.valueBytes.fill(0, row * byteWidth, (row + 1) * byteWidth);
        // Index 0 has to be there, where the bitmap is not what says that it does not count.
        if (dictionary && !cursor.validity) dictionary.ensureValue();
      };
    }
    case 'binary':
      return (row) => cursor.setOffset(row + 1, cursor.dataLength);
    case 'view':
      return (row) => clearView(cursor.words, row, 0);
    case 'list': {
      const [child] = children;
      return (row) => cursor.setOffset(row + 1, child!.rows);
    }
    case 'fixedSizeList': {
      const { listSize } = layout;
      const empty = emptyOf(children[0]!);
      return (row) => {
        for (let i = 0; i < listSize; i++) empty(row * listSize + i);
      };
    }
    case 'union':
      return emptyUnion(cursor, layout.isDense, layout.typeIds);
    default: {
      const empties = children.map(emptyOf);
      return (row) => {
        for (const empty of empties) empty(row);
      };
    }
  }
}

/** A union has no nulls of its own: the first child that takes one has it. */
function emptyUnion(cursor: Cursor, isDense: boolean, typeIds: readonly number[]): WriteEmpty {
  const { children } = cursor;
  const place = Math.max(
    children.findIndex(({ field }) => takesNull(field)),
    0,
  );
  const child = children[place];
  const empties = children.map(emptyOf);
  return (row) => {
    cursor.typeIds[row] = typeIds[place] ?? 0;
    if (!isDense) for (const empty of empties) empty(row);
    else if (child) {
      const childRow = child.reserve(1);
      cursor.setOffset(row, childRow);
      empties[place]!(childRow);
    } else cursor.setOffset(row, 0);
  };
}

import { bitAt } from '../bitmap.js';
import type { Cursor } from './cursor.js';

/**
 * A string that two written rows of a column share exactly if they hold the same value: made of the very bytes that were written, so that
 * it does not matter in which form the value was given. Zeros of two signs are two values, all NaNs are one.
 */
export function valueKey(cursor: Cursor, row: number): string {
  const { validity } = cursor;
  if (!validity) return contentsKey(cursor, row);
  return bitAt(validity, row) ? `+${contentsKey(cursor, row)}` : '-';
}

function contentsKey(cursor: Cursor, row: number): string {
  const { layout, children, offsets } = cursor;
  switch (layout.kind) {
    case 'bits':
      return String(bitAt(cursor.values as Uint8Array, row));
    case 'fixed': {
      const { byteWidth } = layout;
      if (Number.isNaN(cursor.values[row])) return 'NaN';
      return cursor.valueBytes.toString('latin1', row * byteWidth, (row + 1) * byteWidth);
    }
    case 'binary':
      return dataKey(cursor, Number(offsets[row]), Number(offsets[row + 1]));
    case 'view': {
      const length = cursor.words[4 * row]!;
      if (length > 12) return dataKey(cursor, cursor.words[4 * row + 3]!, cursor.words[4 * row + 3]! + length);
      return `${length}:${cursor.valueBytes.toString('latin1', 16 * row + 4, 16 * row + 4 + length)}`;
    }
    case 'list':
      return itemsKey(children[0]!, Number(offsets[row]), Number(offsets[row + 1]));
    case 'fixedSizeList':
      return itemsKey(children[0]!, row * layout.listSize, (row + 1) * layout.listSize);
    case 'union': {
      const typeId = cursor.typeIds[row]!;
      const child = children[layout.typeIds.indexOf(typeId)]!;
      return `${typeId}:${valueKey(child, layout.isDense ? Number(offsets[row]) : row)}`;
    }
    default:
      return children.map((child) => valueKey(child, row)).join('');
  }
}

function dataKey({ data }: Cursor, first: number, end: number): string {
  return `${end - first}:${data.toString('latin1', first, end)}`;
}

function itemsKey(child: Cursor, first: number, end: number): string {
  let key = `${end - first}:`;
  for (let row = first; row < end; row++) key += valueKey(child, row);
  return key;
}

import type { ArrowType } from './type.js';

/**
 * The physical layout of an array (Columnar format, "Physical Memory Layout"): which buffers follow the validity bitmap,
 * and what a row is in each. Widths are in bytes.
 *
 * - `bits`: one bit a row; `fixed`: `byteWidth` a row
 * - `binary`: offsets, then data; `list`: offsets, one child; `listView`: offsets, sizes, one child
 * - `view`: 16 bytes a row, then any number of variadic data buffers
 * - `fixedSizeList`: no buffer, one child of `listSize` a row; `struct`: no buffer, children of the same length
 * - `union`: type ids (int8), for a dense one int32 offsets; no validity
 * - `null`, `runEnd`: no buffer at all, no validity
 */
export type Layout =
  | { readonly kind: 'null' | 'bits' | 'struct' | 'runEnd' }
  | { readonly kind: 'fixed'; readonly byteWidth: number }
  | { readonly kind: 'binary'; readonly offsetWidth: 4 | 8; readonly isUtf8: boolean }
  | { readonly kind: 'view'; readonly isUtf8: boolean }
  | { readonly kind: 'list' | 'listView'; readonly offsetWidth: 4 | 8 }
  | { readonly kind: 'fixedSizeList'; readonly listSize: number }
  | { readonly kind: 'union'; readonly isDense: boolean; readonly typeIds: readonly number[] };

export const VIEW_BYTE_WIDTH = 16;

/** The layout of an array of `type` that is not dictionary-encoded. */
export function layoutOf(type: ArrowType): Layout {
  switch (type.name) {
    case 'Null':
      return { kind: 'null' };
    case 'Bool':
      return { kind: 'bits' };
    case 'Int':
    case 'Decimal':
    case 'Time':
      return { kind: 'fixed', byteWidth: type.bitWidth / 8 };
    case 'FloatingPoint':
      return { kind: 'fixed', byteWidth: 2 << type.precision };
    case 'Date':
      return { kind: 'fixed', byteWidth: 4 << type.unit };
    case 'Interval':
      return { kind: 'fixed', byteWidth: 4 << type.unit };
    case 'Timestamp':
    case 'Duration':
      return { kind: 'fixed', byteWidth: 8 };
    case 'FixedSizeBinary':
      return { kind: 'fixed', byteWidth: type.byteWidth };
    case 'Binary':
    case 'Utf8':
      return { kind: 'binary', offsetWidth: 4, isUtf8: type.name === 'Utf8' };
    case 'LargeBinary':
    case 'LargeUtf8':
      return { kind: 'binary', offsetWidth: 8, isUtf8: type.name === 'LargeUtf8' };
    case 'BinaryView':
    case 'Utf8View':
      return { kind: 'view', isUtf8: type.name === 'Utf8View' };
    case 'List':
    case 'Map':
      return { kind: 'list', offsetWidth: 4 };
    case 'LargeList':
      return { kind: 'list', offsetWidth: 8 };
    case 'ListView':
      return { kind: 'listView', offsetWidth: 4 };
    case 'LargeListView':
      return { kind: 'listView', offsetWidth: 8 };
    case 'FixedSizeList':
      return { kind: 'fixedSizeList', listSize: type.listSize };
    case 'Struct':
      return { kind: 'struct' };
    case 'Union':
      return { kind: 'union', isDense: type.mode === 1, typeIds: type.typeIds };
    case 'RunEndEncoded':
      return { kind: 'runEnd' };
  }
}

/** Whether arrays of this layout have a validity bitmap (as of metadata version V5). */
export function hasValidity({ kind }: Layout): boolean {
  return kind !== 'null' && kind !== 'union' && kind !== 'runEnd';
}

/** How many buffers follow the validity bitmap, variadic ones not counted. */
export function bufferCount(layout: Layout): number {
  switch (layout.kind) {
    case 'bits':
    case 'fixed':
    case 'view':
    case 'list':
      return 1;
    case 'binary':
    case 'listView':
      return 2;
    case 'union':
      return layout.isDense ? 2 : 1;
    default:
      return 0;
  }
}

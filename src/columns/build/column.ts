import type { ArrayNode, IntArray } from '../array.js';
import { bitmapByteLength, clearPast, countBits } from '../bitmap.js';
import { type BufferSource, EMPTY_BUFFER } from '../buffer.js';
import type { ParsedField } from '../field.js';
import { VIEW_BYTE_WIDTH } from '../layout.js';
import type { VectorLike } from '../shape.js';
import type { ValueArray } from './value-array.js';

/** A buffer of a batch under construction, and where it lies in the batch's body. */
export class SlotBuffer implements BufferSource {
  readonly #bytes: Uint8Array;

  constructor(
    readonly bodyOffset: number,
    bytes: Uint8Array,
  ) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  head(byteLength: number): SlotBuffer {
    return new SlotBuffer(this.bodyOffset, this.#bytes.subarray(0, byteLength));
  }
}

/** The values of a dictionary-encoded column. */
type DictionaryOf = (column: Column) => VectorLike | undefined;

/** The buffers of one column, each with room for all that may come; absent where its layout has none. */
export interface ColumnBuffers {
  readonly validity?: SlotBuffer | undefined;
  readonly values?: SlotBuffer | undefined;
  readonly valueOffsets?: SlotBuffer | undefined;
  readonly data?: SlotBuffer | undefined;
  readonly typeIds?: SlotBuffer | undefined;
}

/**
 * One column of a batch under construction: typed arrays over its buffers, which are the very memory that is handed over, and how much
 * of them is filled. Whoever made the memory owns it.
 */
export class Column {
  /** Of rows that are filled. */
  length = 0;
  /** Of nulls among them. */
  nullCount = 0;
  /** Bytes of `data` that are filled. */
  dataLength = 0;

  /** One bit a row, 1 for a value; only where the field is nullable and its layout has a bitmap. All ones at first: nulls clear their bit. */
  readonly validity: Uint8Array | undefined;
  /**
   * A row's values, of a layout of fixed width: an array of the type's own class, with several elements a row where the type has no such
   * class (see `valueArrayOf`); of booleans the bitmap; of views 16 bytes a row; of a dictionary-encoded column its indices.
   */
  readonly values: ValueArray | undefined;
  /** Of strings, bytes and lists, one more than rows, the first of them 0; of a dense union one a row. */
  readonly valueOffsets: IntArray | undefined;
  /** Bytes that the offsets, or views, refer to. */
  readonly data: Uint8Array | undefined;
  /** Of a union: which child a row is in. */
  readonly typeIds: Int8Array | undefined;

  readonly #buffers: ColumnBuffers;

  /** `capacity`: rows there is room for. Made by `BatchPlan.columns`. */
  constructor(
    readonly field: ParsedField,
    readonly capacity: number,
    buffers: ColumnBuffers,
    arrays: Pick<Column, 'values' | 'valueOffsets'>,
    readonly children: readonly Column[],
  ) {
    this.#buffers = buffers;
    this.validity = buffers.validity?.bytes();
    this.values = arrays.values;
    this.valueOffsets = arrays.valueOffsets;
    this.data = buffers.data?.bytes();
    const typeIds = buffers.typeIds?.bytes();
    this.typeIds = typeIds && new Int8Array(typeIds.buffer, typeIds.byteOffset, typeIds.byteLength);
  }

  /** As it was at first: without rows, every bit of the bitmap set, the first offset 0. What else was written stays until it is written over. */
  reset(): void {
    this.length = 0;
    this.nullCount = 0;
    this.dataLength = 0;
    this.validity?.fill(0xff);
    const offsets = this.field.layout.kind === 'union' ? undefined : this.valueOffsets;
    if (offsets) new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.BYTES_PER_ELEMENT).fill(0);
    for (const child of this.children) child.reset();
  }

  /** Bytes of its buffers, and of those below, that are filled. */
  get filledByteLength(): number {
    const { field, length, nullCount, valueOffsets, typeIds, dataLength, children } = this;
    const { layout } = field;
    const bits = (nullCount > 0 ? 1 : 0) + (layout.kind === 'bits' ? 1 : 0);
    const width = layout.kind === 'fixed' ? layout.byteWidth : layout.kind === 'view' ? VIEW_BYTE_WIDTH : 0;
    const perRow = width + (valueOffsets?.BYTES_PER_ELEMENT ?? 0) + (typeIds ? 1 : 0);
    const own = bits * bitmapByteLength(length) + perRow * length + dataLength;
    return children.reduce((sum, child) => sum + child.filledByteLength, own);
  }

  /** Nulls among the first `length` rows, by the bitmap. */
  countNulls(length: number): number {
    return this.validity ? length - countBits(this.validity, 0, length) : 0;
  }

  /**
   * What is filled, as an array that refers to the column's memory. Bits past its end are cleared: in place where nothing more is appended, in
   * copies of the bitmaps where the column `grows` on. `dictionaryOf` gives the values of a dictionary-encoded column.
   */
  toArray(dictionaryOf: DictionaryOf, grows = false): ArrayNode {
    if (!grows) this.clearPastEnd();
    return this.#array(dictionaryOf, grows);
  }

  /** The same, with bits past its end as they are: for checks, which look no further, before it is sure that nothing more is written. */
  uncleared(dictionaryOf: DictionaryOf): ArrayNode {
    return this.#array(dictionaryOf, false);
  }

  /** Clears the bits past its end, in its bitmaps and in those below; arrays that refer to them have it so too. */
  clearPastEnd(): void {
    const { validity, values } = this.#buffers;
    if (this.nullCount > 0 && validity) clearPast(headOf(validity, this.length).bytes(), this.length);
    if (this.field.layout.kind === 'bits') clearPast(headOf(values!, this.length).bytes(), this.length);
    for (const child of this.children) child.clearPastEnd();
  }

  #array(dictionaryOf: DictionaryOf, areBitsCopied: boolean): ArrayNode {
    const { field, length, nullCount } = this;
    const { validity, valueOffsets, data, typeIds } = this.#buffers;
    const values = this.#filledValues(areBitsCopied);
    // Rows of the null type are null without a bitmap.
    const bitmap = nullCount > 0 && validity ? filledBits(validity, length, areBitsCopied) : EMPTY_BUFFER;
    const offsets = valueOffsets?.head((length + (field.layout.kind === 'union' ? 0 : 1)) * this.#offsetWidth);
    const buffers = [typeIds?.head(length), offsets, values, data?.head(this.dataLength)];
    return {
      field,
      length,
      nullCount,
      validity: bitmap,
      buffers: buffers.filter((buffer) => buffer !== undefined),
      children: this.children.map((child) => child.#array(dictionaryOf, areBitsCopied)),
      dictionary: field.dictionary ? dictionaryOf(this) : undefined,
    };
  }

  get #offsetWidth(): number {
    return this.valueOffsets!.BYTES_PER_ELEMENT;
  }

  #filledValues(areBitsCopied: boolean): SlotBuffer | undefined {
    const { values } = this.#buffers;
    const { layout } = this.field;
    if (layout.kind === 'bits') return filledBits(values!, this.length, areBitsCopied);
    if (layout.kind === 'fixed') return values!.head(this.length * layout.byteWidth);
    return values?.head(this.length * VIEW_BYTE_WIDTH);
  }
}

/** The bits of `length` rows; in a copy those of the last byte that are past them are 0. */
function filledBits(bitmap: SlotBuffer, length: number, isCopied: boolean): SlotBuffer {
  const head = headOf(bitmap, length);
  if (!isCopied) return head;
  const copy = new SlotBuffer(head.bodyOffset, head.bytes().slice());
  clearPast(copy.bytes(), length);
  return copy;
}

const headOf = (bitmap: SlotBuffer, length: number): SlotBuffer => bitmap.head(bitmapByteLength(length));

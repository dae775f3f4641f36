import type { IntArray } from '../array.js';
import type { Column } from '../build/column.js';
import type { ValueArray } from '../build/value-array.js';
import type { ParsedField } from '../field.js';
import type { Layout } from '../layout.js';
import type { Dictionaries, Dictionary } from './dictionary.js';
import type { Iterables } from './iterables.js';
import { NO_ROOM } from './misfit.js';

/** Bits are found by shifts of 32 bits. */
const MAX_ROWS = 2 ** 32 - 1;
const NONE = new Uint8Array(0);

const bufferOver = ({ buffer, byteOffset, byteLength }: ArrayBufferView = NONE): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** What the appender of one stream keeps for all of its columns. */
export interface Memory {
  readonly dictionaries: Dictionaries;
  readonly iterables: Iterables;
}

/**
 * How far one column is written: the column's arrays, where the next value goes, and the way back. It outlives the batches, whose columns
 * it is bound to in turn.
 */
export class Cursor {
  readonly layout: Layout;
  readonly children: readonly Cursor[];
  readonly dictionary: Dictionary | undefined;
  readonly iterables: Iterables;

  /** Rows written, of the child of a list or dense union; all others have as many as what they are part of. */
  rows = 0;
  /** Bytes of data written. */
  dataLength = 0;
  capacity = 0;

  validity: Uint8Array | undefined;
  values: ValueArray = NONE;
  valueBytes: Buffer = bufferOver(undefined);
  /** Values, or else offsets, in words: how those of 64 bits and more are written without bigints. */
  words: Int32Array = new Int32Array(0);
  offsets: IntArray = new Int32Array(0);
  data: Buffer = bufferOver(undefined);
  typeIds: Int8Array = new Int8Array(0);

  readonly #isLarge: boolean;
  #column: Column | undefined;
  #rowsBefore = 0;
  #dataLengthBefore = 0;

  constructor(
    readonly field: ParsedField,
    memory: Memory,
  ) {
    this.layout = field.layout;
    this.#isLarge = 'offsetWidth' in field.layout && field.layout.offsetWidth === 8;
    this.dictionary = memory.dictionaries.of(field);
    this.iterables = memory.iterables;
    this.children = field.dictionary ? [] : field.children.map((child) => new Cursor(child, memory));
  }

  /** Itself and the cursors below it. */
  *tree(): Iterable<Cursor> {
    yield this;
    for (const child of this.children) yield* child.tree();
  }

  /** Whether offsets do not say where the last whole row ended, so that `mark` has to. */
  get isMarked(): boolean {
    const { layout } = this;
    return layout.kind === 'view' || (layout.kind === 'union' && layout.isDense);
  }

  bind(column: Column): void {
    this.#column = column;
    this.rows = 0;
    this.dataLength = 0;
    this.capacity = Math.min(column.capacity, MAX_ROWS);
    const { values, valueOffsets, data, typeIds, validity } = column;
    this.validity = validity;
    this.values = values ?? NONE;
    this.offsets = valueOffsets ?? this.offsets;
    this.typeIds = typeIds ?? this.typeIds;
    this.data = bufferOver(data);
    const wide = values ?? valueOffsets;
    // Columns of narrow values may end anywhere.
    if (wide) this.words = new Int32Array(wide.buffer, wide.byteOffset, Math.floor(wide.byteLength / 4));
    this.valueBytes = bufferOver(values);
    for (const [index, child] of this.children.entries()) child.bind(column.children[index]!);
  }

  /** Room for `count` more rows, of which the first is returned. */
  reserve(count: number): number {
    const first = this.rows;
    if (first + count > this.capacity) throw NO_ROOM;
    this.rows = first + count;
    return first;
  }

  setNull(row: number): void {
    this.validity![row >>> 3]! &= ~(1 << (row & 7));
  }

  /** Where row `row - 1` ends and row `row` begins. */
  setOffset(row: number, offset: number): void {
    if (this.#isLarge) this.setInt64(row, offset);
    else this.offsets[row] = offset;
  }

  /** A safe integer, as the two words that it has in 64 bits. */
  setInt64(row: number, value: number): void {
    this.words[2 * row] = value;
    this.words[2 * row + 1] = Math.floor(value / 2 ** 32);
  }

  /** Remembers where a row begins that may have to be taken back. */
  mark(): void {
    this.#dataLengthBefore = this.dataLength;
    for (const child of this.children) child.#rowsBefore = child.rows;
  }

  /** As if the rows from `from` to `to` had not been begun: bits past the last whole row are set again, and counters are as they were. */
  rollBack(from: number, to: number): void {
    const { layout, children, validity } = this;
    if (validity) for (let row = from; row < to; row++) validity[row >>> 3]! |= 1 << (row & 7);
    switch (layout.kind) {
      case 'binary':
        this.dataLength = Number(this.offsets[from]);
        break;
      case 'view':
        this.dataLength = this.#dataLengthBefore;
        break;
      case 'list':
        children[0]!.#rollBackTo(Number(this.offsets[from]));
        break;
      case 'fixedSizeList':
        children[0]!.rollBack(from * layout.listSize, to * layout.listSize);
        break;
      case 'union':
        for (const child of children) {
          if (layout.isDense) child.#rollBackTo(child.#rowsBefore);
          else child.rollBack(from, to);
        }
        break;
      default:
        for (const child of children) child.rollBack(from, to);
    }
  }

  /** Says in the column, and those below, how much of it is filled. */
  settle(length: number): void {
    const column = this.#column!;
    const { layout } = this;
    column.length = length;
    column.nullCount = layout.kind === 'null' ? length : column.countNulls(length);
    column.dataLength = this.dataLength;
    for (const child of this.children) {
      if (layout.kind === 'list' || (layout.kind === 'union' && layout.isDense)) child.settle(child.rows);
      else child.settle(layout.kind === 'fixedSizeList' ? length * layout.listSize : length);
    }
  }

  #rollBackTo(rows: number): void {
    this.rollBack(rows, this.rows);
    this.rows = rows;
  }
}

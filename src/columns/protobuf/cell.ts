import type { Column } from '../build/column.js';
import type { Slot } from './slot.js';
import type { SpecialReader } from './special.js';
import { writeBytes } from './text.js';

/**
 * A slot with the memory of the batch that is being filled. All that is known of how far it is filled is in the offsets: the row that
 * is being written ends at `offsets[row + 1]`, so that going back to an earlier row is forgetting later ones.
 */
export class Cell {
  column: Column | undefined;
  /** Rows that there is room for. */
  capacity = 0;
  validity: Uint8Array = NO_BYTES;
  /** Values as words of 32 bits, whatever they mean. */
  words: Int32Array = NO_WORDS;
  bits: Uint8Array = NO_BYTES;
  offsets: Int32Array = NO_WORDS;
  data: Uint8Array = NO_BYTES;
  /** What remembers parts of the value in the current row. */
  special: SpecialReader | undefined;
  /** Of its rows, what has bytes by default. */
  readonly #defaults: readonly Cell[];

  constructor(
    readonly slot: Slot,
    readonly children: readonly Cell[],
  ) {
    const below = slot.storage === 'struct' ? children.flatMap((child) => child.#defaults) : [];
    this.#defaults = slot.initial instanceof Uint8Array ? [this] : below;
  }

  /** From now on rows go into this column. */
  bind(column: Column): void {
    const { values, valueOffsets, data, validity } = column;
    this.column = column;
    this.capacity = column.capacity;
    this.validity = validity ?? NO_BYTES;
    this.offsets = (valueOffsets as Int32Array | undefined) ?? NO_WORDS;
    this.data = data ?? NO_BYTES;
    if (this.slot.storage === 'bit') this.bits = values as Uint8Array;
    else if (values) this.words = new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
    for (const [index, child] of this.children.entries()) child.bind(column.children[index]!);
  }

  /** The root has no column, but as many rows as all of its children have room for. */
  bindRoot(columns: readonly Column[]): void {
    for (const [index, child] of this.children.entries()) child.bind(columns[index]!);
    this.capacity = Math.min(...columns.map(({ capacity }) => capacity));
  }

  isValid(row: number): boolean {
    return (this.validity[row >> 3]! & (1 << (row & 7))) !== 0;
  }

  setValid(row: number): void {
    this.validity[row >> 3]! |= 1 << (row & 7);
  }

  setBit(row: number, value: boolean): void {
    if (value) this.bits[row >> 3]! |= 1 << (row & 7);
    else this.bits[row >> 3]! &= ~(1 << (row & 7));
  }

  /** Rows of the child that a list has in a row. */
  countOf(row: number): number {
    return this.offsets[row + 1]! - this.offsets[row]!;
  }

  /** Gives a row what it has that is given no value, here and below. @throws FULL when there is no room for the bytes of a default. */
  begin(row: number): void {
    this.#begin(row);
    this.writeDefaults(row);
  }

  /** Writes the bytes that a row has by default, after all else of the row has begun: what finds no room is taken back whole. */
  writeDefaults(row: number): void {
    for (const { slot, offsets, data } of this.#defaults) {
      const bytes = slot.initial as Uint8Array;
      writeBytes(bytes, 0, bytes.length, offsets, data, row);
    }
  }

  get hasDefaults(): boolean {
    return this.#defaults.length > 0;
  }

  #begin(row: number): void {
    const { storage, initial } = this.slot;
    this.special?.begin();
    if (this.slot.isNullable) this.validity[row >> 3]! &= ~(1 << (row & 7));
    switch (storage) {
      case 'word':
        this.words[row] = (initial?.[0] as number | undefined) ?? 0;
        break;
      case 'words':
        this.words[2 * row] = (initial?.[0] as number | undefined) ?? 0;
        this.words[2 * row + 1] = (initial?.[1] as number | undefined) ?? 0;
        break;
      case 'bit':
        this.setBit(row, initial !== undefined);
        break;
      case 'struct':
        for (const child of this.children) child.#begin(row);
        break;
      default:
        this.offsets[row + 1] = this.offsets[row]!;
    }
  }

  /** Forgets what a row had, as if it had been given no value. */
  clear(row: number): void {
    this.#dropItems(row);
    this.begin(row);
  }

  #dropItems(row: number): void {
    if (this.slot.storage === 'struct') for (const child of this.children) child.#dropItems(row);
    else if (this.slot.storage === 'list') this.children[0]!.forget(this.offsets[row]!, this.offsets[row + 1]!);
  }

  /** Takes rows back that were begun: every bit of their validity is set again. */
  forget(from: number, to: number): void {
    const { storage, isNullable } = this.slot;
    if (from >= to) return;
    if (isNullable) for (let row = from; row < to; row++) this.setValid(row);
    if (storage === 'struct') for (const child of this.children) child.forget(from, to);
    else if (storage === 'list') this.children[0]!.forget(this.offsets[from]!, this.offsets[to]!);
  }

  /** Writes a row over an earlier one, the rows before which are in place already. */
  move(from: number, to: number): void {
    const { words, offsets, data } = this;
    if (this.slot.isNullable) {
      if (this.isValid(from)) this.setValid(to);
      else this.validity[to >> 3]! &= ~(1 << (to & 7));
    }
    switch (this.slot.storage) {
      case 'word':
        words[to] = words[from]!;
        break;
      case 'words':
        words[2 * to] = words[2 * from]!;
        words[2 * to + 1] = words[2 * from + 1]!;
        break;
      case 'bit':
        this.setBit(to, (this.bits[from >> 3]! & (1 << (from & 7))) !== 0);
        break;
      case 'bytes': {
        const [begin, end, target] = [offsets[from]!, offsets[from + 1]!, offsets[to]!];
        data.copyWithin(target, begin, end);
        offsets[to + 1] = target + end - begin;
        break;
      }
      case 'struct':
        for (const child of this.children) child.move(from, to);
        break;
      case 'list': {
        const [begin, end, target] = [offsets[from]!, offsets[from + 1]!, offsets[to]!];
        const shift = begin - target;
        if (shift > 0) for (let row = begin; row < end; row++) this.children[0]!.move(row, row - shift);
        offsets[to + 1] = end - shift;
        break;
      }
    }
  }

  /** Says in the column, and those below, that it has so many rows. */
  settle(length: number): void {
    const { column, offsets } = this;
    const { storage } = this.slot;
    if (column) {
      column.length = length;
      column.nullCount = column.countNulls(length);
      if (storage === 'bytes') column.dataLength = offsets[length]!;
    }
    for (const child of this.children) child.settle(storage === 'list' ? offsets[length]! : length);
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/** The cells of a tree of slots; `cells[slot.id]` is a slot's. */
export function cellsOf(slots: readonly Slot[]): readonly Cell[] {
  const cells: Cell[] = [];
  // A slot is made after those below it.
  for (const slot of slots)
    cells[slot.id] = new Cell(
      slot,
      slot.children.map(({ id }) => cells[id]!),
    );
  return cells;
}

import type { DescEnum } from '@bufbuild/protobuf';
import type { ParsedField } from '../field.js';

/**
 * What a row is in a column: one word of 32 bits, two of them, a bit, bytes between two offsets, nothing but its children, or
 * a range of the child's rows between two offsets.
 */
export type Storage = 'word' | 'words' | 'bit' | 'bytes' | 'struct' | 'list';

/** A place of the schema where values go: a column of every batch. The root stands for the message, and is no column. */
export class Slot {
  parent: Slot | undefined;

  /** @param initial what a row has that is given no value, where that is not zero or empty: the words, or the bytes. */
  constructor(
    readonly id: number,
    readonly name: string,
    readonly storage: Storage,
    /** Undefined for the root. */
    readonly field: ParsedField | undefined,
    readonly children: readonly Slot[],
    readonly initial: readonly number[] | Uint8Array | undefined,
    /** How many values are written apart from the wire's: the enum whose names the dictionary has. */
    readonly dictionary: SlotDictionary | undefined,
  ) {
    for (const child of children) child.parent = this;
  }

  get isNullable(): boolean {
    return this.field?.nullable ?? false;
  }

  get isMap(): boolean {
    return this.field?.type.name === 'Map';
  }

  /** The slots whose rows are this one's: what is below it, but not below lists. */
  *frame(): Iterable<Slot> {
    yield this;
    if (this.storage !== 'struct') return;
    for (const child of this.children) yield* child.frame();
  }
}

/** What the dictionary of a slot has: the names of an enum, or of a oneof's members. */
export type SlotDictionary =
  | { readonly kind: 'enum'; readonly of: DescEnum }
  | { readonly kind: 'names'; readonly names: readonly string[] };

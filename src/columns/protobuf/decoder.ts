import type { Cell } from './cell.js';
import type { EnumDictionary } from './enum-dictionary.js';
import type { Plan } from './plan.js';

/** What a decoder works on. Everything in it stays the same objects; `Cell.bind` changes what the cells refer to. */
export interface DecoderContext {
  readonly plan: Plan;
  /** By slot. */
  readonly cells: readonly Cell[];
  /** By slot; only of dictionary-encoded ones. */
  readonly dictionaries: ReadonlyMap<number, EnumDictionary>;
}

/** Writes messages into cells: made of the plan by generated code, or where that is forbidden of closures. */
export interface Decoder {
  /** The cells refer to other memory now. */
  bind(): void;
  /**
   * Writes the row of one message, from its beginning.
   * @throws FULL when there is no room; Malformed. Then the row is half written.
   */
  decode(bytes: Uint8Array, row: number): void;
}

/** Clears the members of a oneof in a row but one, and says in its case column which that is. */
export function setMember({ plan, cells }: DecoderContext, oneofIndex: number, row: number, member: number): void {
  const { members, caseSlot } = plan.oneofs[oneofIndex]!;
  for (const [index, { id }] of members.entries()) {
    const cell = cells[id]!;
    if (index !== member && cell.isValid(row)) cell.clear(row);
  }
  if (!caseSlot) return;
  const cell = cells[caseSlot.id]!;
  cell.words[row] = member;
  cell.setValid(row);
}

import type { Cell } from './cell.js';
import type { SpecialContent } from './plan.js';
import type { SpecialReader } from './special.js';
import { FULL } from './text.js';
import { POSITION, RECURSION_LIMIT, skipGroup, state } from './wire.js';

/** Messages below the depth that has columns: their bytes, which nobody looks into. Those of a message that comes in parts are joined. */
export class RawReader implements SpecialReader {
  readonly #cell: Cell;
  readonly #groupsLeft: number;

  constructor({ depth }: SpecialContent, cell: Cell) {
    this.#cell = cell;
    this.#groupsLeft = RECURSION_LIMIT - depth + 1;
  }

  begin(): void {}

  read(bytes: Uint8Array, start: number, end: number, row: number): number {
    const { offsets, data } = this.#cell;
    const target = offsets[row + 1]!;
    if (target + end - start > data.length) throw FULL;
    data.set(bytes.subarray(start, end), target);
    offsets[row + 1] = target + end - start;
    return end;
  }

  readGroup(bytes: Uint8Array, start: number, group: number, row: number): number {
    const end = skipGroup(bytes, start, group, this.#groupsLeft);
    const next = state[POSITION]!;
    this.read(bytes, start, end, row);
    return next;
  }
}

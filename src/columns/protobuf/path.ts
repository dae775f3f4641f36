import type { Cell } from './cell.js';
import { hasFrame, type Plan } from './plan.js';
import type { Slot } from './slot.js';

/**
 * What is being read in a row, such as `points[3].lat`; empty for the message itself. The offsets, which go as far as what has been
 * read, tell how far each list is.
 * @param at the index of a field, or -1 minus that of a message.
 */
export function pathAt(plan: Plan, cells: readonly Cell[], at: number, row: number): string {
  if (at < 0) return walk(cells, plan.messages[-1 - at]!.slot, row).path;
  const field = plan.fields[at]!;
  const { path, row: fieldRow } = walk(cells, field.slot, row);
  const isScalarList = field.repetition === 'list' && !hasFrame(field);
  return isScalarList ? `${path}[${cells[field.slot.id]!.countOf(fieldRow)}]` : path;
}

interface Step {
  readonly path: string;
  readonly row: number;
}

function walk(cells: readonly Cell[], slot: Slot, row: number): Step {
  const { parent } = slot;
  if (!parent) return { path: '', row };
  const outer = walk(cells, parent, row);
  if (parent.storage !== 'list')
    return { path: outer.path === '' ? slot.name : `${outer.path}.${slot.name}`, row: outer.row };
  const list = cells[parent.id]!;
  const item = Math.max(list.countOf(outer.row) - 1, 0);
  return { path: `${outer.path}[${item}]`, row: list.offsets[outer.row]! + item };
}

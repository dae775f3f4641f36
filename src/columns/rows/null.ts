import type { ParsedField } from '../field.js';

/** Whether a row may hold null in a column: in a union only where one of its children can, since it has no bitmap. */
export function takesNull({ nullable, type, dictionary, children }: ParsedField): boolean {
  if (type.name === 'Null') return true;
  return nullable && (type.name !== 'Union' || dictionary !== null || children.some(takesNull));
}

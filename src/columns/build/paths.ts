import { ArrowlabError } from '../../errors.js';
import type { ParsedField } from '../field.js';
import type { Layout } from '../layout.js';

/** Whether a column is one of those that are meant. */
export type IsSuch = (layout: Layout, field: ParsedField) => boolean;

/** The paths of fields, and of those below that have memory of their own, whose layout is such. */
function pathsOf(fields: readonly ParsedField[], isSuch: IsSuch): string[] {
  return fields.flatMap((field) => [
    ...(isSuch(field.layout, field) ? [field.path] : []),
    ...pathsOf(field.dictionary ? [] : field.children, isSuch),
  ]);
}

/**
 * Checks what is given by path for columns of such a layout.
 * @throws INVALID_ARGUMENT for a key that is the path of no such column.
 */
export function checkPaths(
  what: string,
  byPath: Readonly<Record<string, unknown>>,
  fields: readonly ParsedField[],
  isSuch: IsSuch,
): void {
  const given = Object.keys(byPath);
  if (given.length === 0) return;
  const paths = pathsOf(fields, isSuch);
  const unknown = given.find((path) => !paths.includes(path));
  if (unknown === undefined) return;
  const names = paths.map((path) => JSON.stringify(path)).join(', ');
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `${what}: expected ${paths.length === 0 ? 'no column, since none needs it' : `one of the columns ${names}`}, found ${JSON.stringify(unknown)}`,
  );
}

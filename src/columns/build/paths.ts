import { ArrowlabError } from '../../errors.js';
import type { ParsedField } from '../field.js';
import type { Layout } from '../layout.js';

/** The paths of fields, and of those below that have memory of their own, whose layout is such. */
export function pathsOf(
  fields: readonly ParsedField[],
  isSuch: (layout: Layout, field: ParsedField) => boolean,
): string[] {
  return fields.flatMap((field) => [
    ...(isSuch(field.layout, field) ? [field.path] : []),
    ...pathsOf(field.dictionary ? [] : field.children, isSuch),
  ]);
}

/** @throws INVALID_ARGUMENT for a key that is none of `paths`. */
export function checkPaths(what: string, byPath: Readonly<Record<string, unknown>>, paths: readonly string[]): void {
  const unknown = Object.keys(byPath).find((path) => !paths.includes(path));
  if (unknown === undefined) return;
  const names = paths.map((path) => JSON.stringify(path)).join(', ');
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `${what}: expected ${paths.length === 0 ? 'no column, since none needs it' : `one of the columns ${names}`}, found ${JSON.stringify(unknown)}`,
  );
}

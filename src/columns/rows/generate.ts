import type { ParsedSchema } from '../schema.js';
import { isStruct, writerOf } from './closures.js';
import type { Cursor } from './cursor.js';
import { Misfit } from './misfit.js';
import { ownProperty } from './property.js';
import type { Write } from './scalar.js';
import { nodesOf, RowSource } from './source.js';
import { appendText } from './text.js';

/** What writes a row of the cursors' columns, made for one schema. */
export type RowWriterFactory = (cursors: readonly Cursor[]) => Write;

type Make = (functions: typeof FUNCTIONS, cursors: readonly Cursor[], writers: readonly (Write | undefined)[]) => Write;

const FUNCTIONS = {
  appendText,
  isStruct,
  ownProperty,
  fail(value: unknown) {
    throw Misfit.of('an object', value);
  },
};

/**
 * Code that writes rows of one schema: straight on, in which the usual kinds of values are checked and written in place. All else is left to
 * the closure of the column, so that both give the same. A Misfit that it throws does not know its whole path.
 * Undefined where the process may not generate code.
 */
export function generateRowWriter({ fields }: ParsedSchema): RowWriterFactory | undefined {
  const source = new RowSource(nodesOf(fields));
  const make = compiled(source.text(Object.keys(FUNCTIONS)));
  return (
    make &&
    ((cursors) => {
      const all = cursors.flatMap((cursor) => [...cursor.tree()]);
      const writers = all.map((cursor, id) => (source.hasWriter(id) ? writerOf(cursor) : undefined));
      return make(FUNCTIONS, all, writers);
    })
  );
}

function compiled(text: string): Make | undefined {
  try {
    return new Function('functions', 'cursors', 'writers', text) as Make;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

import { ParsedField } from '../field.js';
import type { ParsedSchema } from '../schema.js';
import type { ArrowType, IntType } from '../type.js';

/** A field without metadata; `index` for one that is dictionary-encoded. */
export function field(
  name: string,
  type: ArrowType,
  more: { nullable?: boolean; children?: ParsedField[]; index?: IntType; id?: bigint } = {},
): ParsedField {
  const { nullable = false, children = [], index, id = 0n } = more;
  const dictionary = index ? { id, indexType: index, isOrdered: false } : null;
  return new ParsedField(name, { name, type, nullable, children, dictionary, metadata: new Map() });
}

export const schemaOf = (...fields: ParsedField[]): ParsedSchema => ({ fields, metadata: new Map() });

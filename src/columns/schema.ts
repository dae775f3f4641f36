import type { ParsedField } from './field.js';

/** A schema, independent of any Arrow library. */
export interface ParsedSchema {
  readonly fields: readonly ParsedField[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** The fields that are dictionary-encoded, at any depth and within dictionaries too, those of inner dictionaries first. */
export function* dictionaryFields(fields: readonly ParsedField[]): Iterable<ParsedField> {
  for (const field of fields) {
    yield* dictionaryFields(field.children);
    if (field.dictionary) yield field;
  }
}

/** Where two lists of fields differ in names or types, as a sentence; undefined when arrays of one fit the other. */
export function differenceOf(
  expected: readonly ParsedField[],
  found: readonly ParsedField[],
  where = 'the schema',
): string | undefined {
  if (expected.length !== found.length) return `${where} has ${expected.length} fields, found ${found.length}`;
  for (const [index, field] of expected.entries()) {
    const other = found[index]!;
    const [wanted, got] = [signature(field), signature(other)];
    if (wanted !== got) return `field ${index} of ${where} is ${wanted}, found ${got}`;
    const below = differenceOf(field.children, other.children, JSON.stringify(field.path));
    if (below) return below;
  }
  return undefined;
}

function signature({ name, type, dictionary }: ParsedField): string {
  return JSON.stringify({ name, type, ...(dictionary && { indices: dictionary.indexType }) });
}

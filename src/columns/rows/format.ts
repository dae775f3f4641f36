import { ArrowlabError } from '../../errors.js';
import type { RowAppender, RowFormat } from '../build/row-format.js';
import type { ParsedField } from '../field.js';
import { dictionaryFields, type ParsedSchema } from '../schema.js';
import { ObjectAppender } from './appender.js';
import { generateRowWriter, type RowWriterFactory } from './generate.js';

/**
 * Rows that are objects with a property for each field of a schema.
 *
 * What a value may be, by type; null and undefined, also of a key that is absent, are null everywhere, and other keys are ignored:
 * - integers: a number or a bigint in range (beyond 32 bits a safe integer, or a bigint); floats: a number; booleans: a boolean
 * - strings: a string without lone surrogates; binary: an ArrayBuffer or a view of one, of the exact length where it is fixed
 * - decimals: the value as text, number or bigint, or a Uint32Array of the unscaled integer's words; digits are never cut off
 * - dates: a Date (the day it is in by UTC), `YYYY-MM-DD`, Temporal's PlainDate, or milliseconds of whole days
 * - timestamps: a Date, milliseconds (a fraction is rounded to microseconds), a bigint in the column's unit, ISO 8601 with an offset (without
 *   one only where the column has no time zone), Temporal's Instant and ZonedDateTime; what is finer than the unit is refused
 * - times: a number or bigint in the unit, `HH:MM:SS` with a fraction, Temporal's PlainTime; durations: a number or bigint in the unit,
 *   Temporal's Duration (days have 24 hours, months none); intervals: months, `{ days, milliseconds }`, `{ months, days, nanoseconds }`,
 *   or the Int32Array that apache-arrow reads
 * - lists: anything to iterate or index but a string; maps: a Map, entries, or an object where keys are strings; structs: an object
 * - unions: an object with one key, the child's name; null goes to the first child that can be null
 *
 * Paths in messages are names joined by dots (`["a name"]` where it is no plain word); `[3]` is an item of a list or an entry of a map,
 * `["key"]` the value of a key, `.key(3)` an entry's key.
 */
export function rowFormat(parsedSchema: ParsedSchema): RowFormat<object> {
  return new ObjectFormat(parsedSchema, generateRowWriter(parsedSchema));
}

export class ObjectFormat implements RowFormat<object> {
  readonly #generated: RowWriterFactory | undefined;

  /**
   * @param generated undefined for closures.
   * @throws INVALID_ARGUMENT for two fields of one name, or of one dictionary but different values.
   */
  constructor(
    readonly parsedSchema: ParsedSchema,
    generated: RowWriterFactory | undefined,
  ) {
    checkNames(parsedSchema.fields, 'the schema');
    checkDictionaries(parsedSchema.fields);
    this.#generated = generated;
  }

  appender(): RowAppender<object> {
    return new ObjectAppender(this.parsedSchema, this.#generated);
  }
}

function checkNames(fields: readonly ParsedField[], where: string): void {
  const names = new Set<string>();
  for (const { name, path, type, children } of fields) {
    if (names.has(name)) {
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected fields of different names in ${where}, found two called ${JSON.stringify(name)}: an object has only one property of a name`,
      );
    }
    names.add(name);
    // A map's entries are told by their order.
    const below = type.name === 'Map' ? children[0]!.children.map((child) => [child]) : [children];
    for (const fields of below) checkNames(fields, `field ${JSON.stringify(path)}`);
  }
}

function checkDictionaries(fields: readonly ParsedField[]): void {
  const valuesOf = new Map<bigint, string>();
  for (const { path, dictionary, values } of dictionaryFields(fields)) {
    const { id } = dictionary!;
    const found = JSON.stringify(shapeOf(values!));
    if ((valuesOf.get(id) ?? found) !== found) {
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `field ${JSON.stringify(path)}: expected the values of dictionary ${id} as in the fields before it, found others: give it an id of its own`,
      );
    }
    valuesOf.set(id, found);
  }
}

function shapeOf({ type, children, dictionary }: ParsedField): object {
  const below = children.map((child) => ({ name: child.name, nullable: child.nullable, ...shapeOf(child) }));
  return { type, dictionary: dictionary && { ...dictionary, id: String(dictionary.id) }, children: below };
}

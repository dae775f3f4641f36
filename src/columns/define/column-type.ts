import { type DictionaryEncoding, ParsedField } from '../field.js';
import { type ArrowType, typeText } from '../type.js';
import { entriesOf, invalid } from './argument.js';
import { found } from './found.js';

/** Of the types only: nothing has this property. */
declare const holds: unique symbol;

/** A child of a type: its name and its type. */
export type Child = readonly [name: string, type: ColumnType<never>];

/** What there is to know of a column but its name. */
interface Definition {
  readonly type: ArrowType;
  readonly children: readonly Child[];
  readonly nullable: boolean;
  readonly dictionary: Omit<DictionaryEncoding, 'id'> | null;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * The type of a column, of which rows hold values of the type `T`. Made by the functions of this folder that have the names of Arrow's
 * types; immutable, so that one may be used in any number of places.
 *
 * A type whose rows may hold more fits where one is asked for whose rows hold less: `ColumnType<never>` is any at all.
 */
export class ColumnType<in T> {
  declare readonly [holds]: (value: T) => void;

  /** Made by the functions that have the names of Arrow's types. */
  constructor(readonly definition: Definition) {}

  /** The same type, but for what is given. */
  with<U>(changes: Partial<Definition>): ColumnType<U> {
    return new ColumnType({ ...this.definition, ...changes });
  }

  /** For messages. */
  toString(): string {
    const { type, nullable, dictionary } = this.definition;
    return `${nullable ? 'nullable ' : ''}${dictionary ? 'dictionary of ' : ''}${typeText(type)}`;
  }

  /** A field of this type. `nextDictionaryId` gives an id that no other field has. */
  field(name: string, path: string, nextDictionaryId: () => bigint): ParsedField {
    const { children, dictionary, ...rest } = this.definition;
    return new ParsedField(path, {
      ...rest,
      name,
      children: children.map(([child, type]) => type.field(child, `${path}.${child}`, nextDictionaryId)),
      dictionary: dictionary && { ...dictionary, id: nextDictionaryId() },
    });
  }
}

/** What rows may hold in a column of this type. */
export type ValueOf<C> = [C] extends [ColumnType<infer T>] ? T : never;

/** A column type that is not nullable, without metadata. */
export function columnType<T>(type: ArrowType, children: readonly Child[] = []): ColumnType<T> {
  return new ColumnType({ type, children, nullable: false, dictionary: null, metadata: new Map() });
}

/** @throws INVALID_ARGUMENT of the function called `name`, when `value` is no column type. */
export function asColumnType<T>(name: string, value: ColumnType<T>): ColumnType<T> {
  if (value instanceof ColumnType) return value;
  const advice = typeof value === 'function' ? ' (call the function: `int32()`)' : ', such as int32()';
  throw invalid(name, `a column type${advice}`, found(value));
}

/** The same of an object of column types by name. */
export function childrenOf(name: string, types: Readonly<Record<string, ColumnType<never>>>): Child[] {
  return entriesOf(name, 'column types', types).map(([child, type]) => [
    child,
    asColumnType(`${name}: ${JSON.stringify(child)}`, type),
  ]);
}

/**
 * The same type for a column that may hold nulls. Columns, and the children of lists, structs and all others, are not nullable without this.
 * @throws INVALID_ARGUMENT for a union none of whose children may be null: a union has no nulls but theirs.
 */
export function nullable<T>(type: ColumnType<T>): ColumnType<T | null | undefined> {
  const { type: arrowType, children, dictionary } = asColumnType('nullable', type).definition;
  if (arrowType.name === 'Union' && !dictionary && !children.some(([, child]) => child.definition.nullable)) {
    const names = children.map(([child]) => child).join(', ');
    throw invalid(
      'nullable',
      'a union with a nullable child (a union has no nulls but those of its children)',
      `one of ${names} without any: wrap one of them too`,
    );
  }
  return type.with({ nullable: true });
}

/**
 * The same type for a column, or child, with metadata of its own instead of what it had.
 * @throws INVALID_ARGUMENT unless `metadata` is an object of strings.
 */
export function withMetadata<T>(type: ColumnType<T>, metadata: Readonly<Record<string, string>>): ColumnType<T> {
  return asColumnType('withMetadata', type).with({ metadata: metadataOf('withMetadata', metadata) });
}

/** Metadata as Arrow's libraries have it. */
export function metadataOf(name: string, metadata: Readonly<Record<string, string>>): Map<string, string> {
  const entries = entriesOf(name, 'strings', metadata);
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw invalid(name, `a string as metadata ${JSON.stringify(key)}`, found(value));
  }
  return new Map(entries);
}

import { ArrowlabError } from '../errors.js';
import { ParsedField } from './field.js';
import type { ParsedSchema } from './schema.js';
import type { FieldLike, SchemaLike, TypeLike } from './shape.js';
import { type ArrowType, type IntType, TYPE_NAMES } from './type.js';

/** apache-arrow's `typeId` of a dictionary-encoded type, which is none in Schema.fbs. */
const DICTIONARY_TYPE_ID = -1;

/** Parameters of apache-arrow's types, by name, unchecked. */
type Parameters = TypeLike & {
  [name in 'bitWidth' | 'precision' | 'scale' | 'unit' | 'mode' | 'byteWidth' | 'listSize']: number;
} & { isSigned: boolean; keysSorted: boolean; timezone?: string | null; typeIds: ArrayLike<number> } & {
  dictionary: TypeLike;
  indices: TypeLike;
  id: number | bigint;
  isOrdered: boolean;
};

/**
 * A schema of apache-arrow's as it is written.
 * @throws TABLE_UNRECOGNISED naming the field whose type is not one of Arrow's.
 */
export function describeSchema(schema: SchemaLike): ParsedSchema {
  return { fields: describeFields(schema.fields), metadata: schema.metadata ?? new Map() };
}

/** The same of its fields; `parent` is the path of the field they are children of. */
export function describeFields(fields: readonly FieldLike[], parent = ''): ParsedField[] {
  return fields.map((field) => describeField(field, parent ? `${parent}.${field.name}` : field.name));
}

function describeField({ name, nullable, type, metadata }: FieldLike, path: string): ParsedField {
  const { dictionary, indices, id, isOrdered } = type as Parameters;
  const isEncoded = type.typeId === DICTIONARY_TYPE_ID;
  const values = isEncoded ? dictionary : type;
  try {
    return new ParsedField(path, {
      name,
      nullable: Boolean(nullable),
      type: describeType(values),
      children: describeFields(values.children ?? [], path),
      dictionary: isEncoded
        ? { id: BigInt(id), indexType: describeType(indices) as IntType, isOrdered: Boolean(isOrdered) }
        : null,
      metadata: metadata ?? new Map(),
    });
  } catch (cause) {
    if (cause instanceof ArrowlabError) throw cause;
    throw new ArrowlabError('TABLE_UNRECOGNISED', `field ${JSON.stringify(path)}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function describeType(type: TypeLike): ArrowType {
  const name = TYPE_NAMES[type?.typeId];
  const { bitWidth, precision, scale, unit, mode, byteWidth, listSize, isSigned, keysSorted, timezone, typeIds } =
    type as Parameters;
  switch (name) {
    case undefined:
    case 'NONE':
      throw new RangeError(`expected an Arrow type, found typeId ${type?.typeId}`);
    case 'Int':
      return { name, bitWidth, isSigned: Boolean(isSigned) };
    case 'FloatingPoint':
      return { name, precision };
    case 'Decimal':
      // Versions of apache-arrow that know only 128 bits do not say so.
      return { name, precision, scale, bitWidth: bitWidth ?? 128 };
    case 'Date':
    case 'Interval':
    case 'Duration':
      return { name, unit };
    case 'Time':
      return { name, unit, bitWidth };
    case 'Timestamp':
      return { name, unit, timezone: timezone || null };
    case 'Union':
      return { name, mode, typeIds: Array.from(typeIds) };
    case 'FixedSizeBinary':
      return { name, byteWidth };
    case 'FixedSizeList':
      return { name, listSize };
    case 'Map':
      return { name, keysSorted: Boolean(keysSorted) };
    default:
      return { name };
  }
}

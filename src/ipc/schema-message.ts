import { Builder } from 'flatbuffers';
import {
  type DictionaryEncoding,
  dictionaryFields,
  differenceOf,
  type IntType,
  ParsedField,
  type ParsedSchema,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { FlatTable } from './flatbuffer.js';
import { HeaderType, METADATA_V5, readMetadata, writeMessage, writeMetadata, writeTables } from './metadata.js';
import { readType, typeTag, writeType } from './type-table.js';

// Slots of Schema.fbs.
const SCHEMA = { endianness: 0, fields: 1, metadata: 2 } as const;
const FIELD = { name: 0, nullable: 1, typeTag: 2, type: 3, dictionary: 4, children: 5, metadata: 6 } as const;
const DICTIONARY = { id: 0, indexType: 1, isOrdered: 2 } as const;

/** What indices are when the schema does not say. */
const INT32: IntType = { name: 'Int', bitWidth: 32, isSigned: true };

/**
 * The schema that a Schema table holds.
 * @throws IPC_INVALID for big-endian data, types whose parameters Arrow does not define, dictionaries of one id and several types.
 */
export function readSchema(table: FlatTable, metadataVersion: number): ParsedSchema {
  if (table.int16(SCHEMA.endianness) !== 0) {
    throw new ArrowlabError(
      'IPC_INVALID',
      'expected little-endian data, found big-endian: convert it where it was written',
    );
  }
  const fields = table.tables(SCHEMA.fields).map((field) => readField(field, ''));
  checkDictionaries(fields);
  if (metadataVersion !== METADATA_V5) refuseUnions(fields);
  return { fields, metadata: readMetadata(table, SCHEMA.metadata) };
}

function readField(table: FlatTable, parent: string): ParsedField {
  const name = table.string(FIELD.name) ?? '';
  const path = parent ? `${parent}.${name}` : name;
  const children = table.tables(FIELD.children).map((child) => readField(child, path));
  const type = readType(table.uint8(FIELD.typeTag), table.required(FIELD.type, 'type'), children.length);
  const encoding = table.table(FIELD.dictionary);
  try {
    return new ParsedField(path, {
      name,
      nullable: table.bool(FIELD.nullable),
      type,
      children,
      dictionary: encoding ? readEncoding(encoding) : null,
      metadata: readMetadata(table, FIELD.metadata),
    });
  } catch (cause) {
    throw new ArrowlabError('IPC_INVALID', (cause as Error).message, { cause });
  }
}

function readEncoding(table: FlatTable): DictionaryEncoding {
  const indexType = table.table(DICTIONARY.indexType);
  return {
    id: table.int64(DICTIONARY.id),
    indexType: indexType ? (readType(typeTag(INT32), indexType, 0) as IntType) : INT32,
    isOrdered: table.bool(DICTIONARY.isOrdered),
  };
}

function checkDictionaries(fields: readonly ParsedField[]): void {
  const firstOfId = new Map<bigint, ParsedField>();
  for (const field of dictionaryFields(fields)) {
    const { id } = field.dictionary!;
    const first = firstOfId.get(id) ?? field;
    firstOfId.set(id, first);
    const difference =
      differenceOf(first.children, field.children, 'the values') ??
      (JSON.stringify(first.type) === JSON.stringify(field.type)
        ? undefined
        : `${first.type.name} and ${field.type.name}`);
    if (difference) {
      const who = `fields ${JSON.stringify(first.path)} and ${JSON.stringify(field.path)}`;
      throw new ArrowlabError(
        'IPC_INVALID',
        `${who} share dictionary ${id} but not the type of its values: ${difference}`,
      );
    }
  }
}

/** Before V5 a union had a validity bitmap. */
function refuseUnions(fields: readonly ParsedField[]): void {
  for (const { path, type, children } of fields) {
    if (type.name === 'Union') {
      const found = `field ${JSON.stringify(path)} is a union of metadata version V4`;
      throw new ArrowlabError('IPC_UNSUPPORTED', `${found}, whose layout differs: write it again as V5`);
    }
    refuseUnions(children);
  }
}

/** The whole encapsulated message of a schema: prefix and padded metadata; it has no body. */
export function writeSchemaMessage(schema: ParsedSchema): Uint8Array {
  const builder = new Builder();
  return writeMessage(builder, HeaderType.schema, writeSchema(builder, schema));
}

/** The Schema table; returns its offset. */
export function writeSchema(builder: Builder, { fields, metadata }: ParsedSchema): number {
  const fieldsOffset = writeTables(builder, fields, writeField);
  const metadataOffset = writeMetadata(builder, metadata);
  builder.startObject(4);
  builder.addFieldOffset(SCHEMA.fields, fieldsOffset, 0);
  builder.addFieldOffset(SCHEMA.metadata, metadataOffset, 0);
  return builder.endObject();
}

function writeField(builder: Builder, field: ParsedField): number {
  const name = builder.createString(field.name);
  const type = writeType(builder, field.type);
  const children = writeTables(builder, field.children, writeField);
  const dictionary = field.dictionary ? writeEncoding(builder, field.dictionary) : 0;
  const metadata = writeMetadata(builder, field.metadata);
  builder.startObject(7);
  builder.addFieldOffset(FIELD.name, name, 0);
  builder.addFieldInt8(FIELD.nullable, field.nullable ? 1 : 0, 0);
  builder.addFieldInt8(FIELD.typeTag, typeTag(field.type), 0);
  builder.addFieldOffset(FIELD.type, type, 0);
  builder.addFieldOffset(FIELD.dictionary, dictionary, 0);
  builder.addFieldOffset(FIELD.children, children, 0);
  builder.addFieldOffset(FIELD.metadata, metadata, 0);
  return builder.endObject();
}

function writeEncoding(builder: Builder, { id, indexType, isOrdered }: DictionaryEncoding): number {
  const indices = writeType(builder, indexType);
  builder.startObject(4);
  builder.addFieldInt64(DICTIONARY.id, id, null);
  builder.addFieldOffset(DICTIONARY.indexType, indices, 0);
  builder.addFieldInt8(DICTIONARY.isOrdered, isOrdered ? 1 : 0, 0);
  return builder.endObject();
}

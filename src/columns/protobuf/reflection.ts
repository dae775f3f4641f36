import { create } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  Edition,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  FeatureSet_EnumType,
  FeatureSet_FieldPresence,
  FeatureSet_MessageEncoding,
  FeatureSet_RepeatedFieldEncoding,
  FeatureSet_Utf8Validation,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import type { Enum, Field, MapField, NamespaceBase, ReflectionObject, Root, Type } from 'protobufjs';
import { builtInFile } from './built-in.js';

/**
 * What protobufjs has parsed as descriptors. Its own conversion (ext/descriptor) is not used: it gives all files one syntax, forgets imports,
 * and loses the features of editions. Here every file is one of edition 2023 whose fields say themselves what their syntax implied.
 * Extensions, services and options are left out: no column depends on them.
 * @param nameOf what a file is called where it is imported.
 */
export function fileDescriptors(root: Root, nameOf: (filename: string) => string): FileDescriptorProto[] {
  const files = new Map<string, FileDescriptorProto>();
  const visit = (namespace: NamespaceBase) => {
    for (const object of namespace.nestedArray) {
      if (isType(object) || isEnum(object)) {
        const name = object.filename && nameOf(object.filename);
        if (name && !builtInFile(name)) new FileWriter(fileOf(files, name, namespace), nameOf).add(object);
      } else if ('nestedArray' in object && !('methods' in object)) {
        visit(object as NamespaceBase);
      }
    }
  };
  visit(root);
  return [...files.values()];
}

function fileOf(files: Map<string, FileDescriptorProto>, name: string, namespace: NamespaceBase): FileDescriptorProto {
  const existing = files.get(name);
  if (existing) return existing;
  const file = create(FileDescriptorProtoSchema, {
    name,
    package: namespace.fullName.replace(/^\./, ''),
    syntax: 'editions',
    edition: Edition.EDITION_2023,
  });
  files.set(name, file);
  return file;
}

/** Objects may come of another copy of the library, so they are told by what they have. */
const isType = (object: ReflectionObject): object is Type => 'fieldsArray' in object;
const isEnum = (object: ReflectionObject): object is Enum => 'valuesById' in object;
const featuresOf = (object: unknown) => (object as Featured)._features;

class FileWriter {
  readonly #file: FileDescriptorProto;
  readonly #nameOf: (filename: string) => string;

  constructor(file: FileDescriptorProto, nameOf: (filename: string) => string) {
    this.#file = file;
    this.#nameOf = nameOf;
  }

  add(object: Type | Enum): void {
    if (isType(object)) this.#file.messageType.push(this.#message(object));
    else this.#file.enumType.push(this.#enum(object));
  }

  #message(type: Type): DescriptorProto {
    const message = create(DescriptorProtoSchema, { name: type.name });
    const oneofs = type.oneofsArray.filter((oneof) => !oneof.isProto3Optional);
    message.oneofDecl = oneofs.map(({ name }) => ({ $typeName: 'google.protobuf.OneofDescriptorProto', name }));
    for (const field of type.fieldsArray) {
      field.resolve();
      const proto = field.map ? this.#map(field, message) : this.#field(field);
      const oneof = field.partOf ? oneofs.indexOf(field.partOf) : -1;
      if (oneof >= 0) proto.oneofIndex = oneof;
      message.field.push(proto);
    }
    for (const nested of type.nestedArray) {
      if (isType(nested)) message.nestedType.push(this.#message(nested));
      else if (isEnum(nested)) message.enumType.push(this.#enum(nested));
    }
    return message;
  }

  #enum(object: Enum): EnumDescriptorProto {
    const { name, values } = object;
    const isClosed = featuresOf(object).enum_type === 'CLOSED';
    return create(EnumDescriptorProtoSchema, {
      name,
      value: Object.entries(values).map(([name, number]) => ({ name, number })),
      options: { features: { enumType: isClosed ? FeatureSet_EnumType.CLOSED : FeatureSet_EnumType.OPEN } },
    });
  }

  /** Of the field itself, which a map needs too. */
  #field(field: Field): FieldDescriptorProto {
    const features = featuresOf(field);
    const isOptional = field.partOf?.isProto3Optional ?? false;
    const isPacked = field.repeated && field.packed;
    const isDelimited = field.delimited;
    const value = this.#value(field.type, field.resolvedType, isDelimited);
    const proto = create(FieldDescriptorProtoSchema, {
      name: field.name,
      number: field.id,
      jsonName: field.jsonName ?? undefined,
      label: field.repeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
      ...value,
      options: {
        features: {
          utf8Validation:
            features.utf8_validation === 'NONE' ? FeatureSet_Utf8Validation.NONE : FeatureSet_Utf8Validation.VERIFY,
          ...(field.repeated || field.map || (field.partOf && !isOptional)
            ? {}
            : { fieldPresence: isOptional ? FeatureSet_FieldPresence.EXPLICIT : presenceOf(field, features) }),
          ...(field.repeated && {
            repeatedFieldEncoding: isPacked
              ? FeatureSet_RepeatedFieldEncoding.PACKED
              : FeatureSet_RepeatedFieldEncoding.EXPANDED,
          }),
          ...(isDelimited && { messageEncoding: FeatureSet_MessageEncoding.DELIMITED }),
        },
      },
    });
    const text = defaultText(field);
    if (text !== undefined) proto.defaultValue = text;
    return proto;
  }

  /** A map is a repeated message of key and value, which lies in the message that has the field. */
  #map(field: Field, message: DescriptorProto): FieldDescriptorProto {
    const proto = this.#field(field);
    const name = `${field.name.replace(/(?:^|_+)([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase())}Entry`;
    const member = (name: string, number: number, value: FieldValue) =>
      create(FieldDescriptorProtoSchema, { name, number, label: FieldDescriptorProto_Label.OPTIONAL, ...value });
    const entry = create(DescriptorProtoSchema, { name, options: { mapEntry: true } });
    entry.field = [
      member('key', 1, this.#value((field as unknown as MapField).keyType, null, false)),
      member('value', 2, this.#value(field.type, field.resolvedType, false)),
    ];
    message.nestedType.push(entry);
    proto.label = FieldDescriptorProto_Label.REPEATED;
    proto.type = FieldDescriptorProto_Type.MESSAGE;
    proto.typeName = `${field.parent!.fullName}.${name}`;
    return proto;
  }

  #value(type: string, resolved: Type | Enum | null, isDelimited: boolean): FieldValue {
    if (!resolved) return { type: SCALARS[type]! };
    this.#import(resolved);
    if (isEnum(resolved)) return { type: FieldDescriptorProto_Type.ENUM, typeName: resolved.fullName };
    const message = isDelimited ? FieldDescriptorProto_Type.GROUP : FieldDescriptorProto_Type.MESSAGE;
    return { type: message, typeName: resolved.fullName };
  }

  #import(resolved: ReflectionObject): void {
    let object: ReflectionObject = resolved;
    while (object.parent && isType(object.parent)) object = object.parent;
    const name = object.filename ? this.#nameOf(object.filename) : BUILT_IN_OF.get(object.name);
    if (!name || name === this.#file.name || this.#file.dependency.includes(name)) return;
    this.#file.dependency.push(name);
  }
}

type FieldValue = { type: FieldDescriptorProto_Type; typeName?: string };
/** What a file's syntax, or edition, says of an object, and what the object says itself. */
interface Featured {
  readonly _features: Readonly<Record<string, string>>;
}

function presenceOf(field: Field, features: Readonly<Record<string, string>>): FeatureSet_FieldPresence {
  if (field.required) return FeatureSet_FieldPresence.LEGACY_REQUIRED;
  const isImplicit = features.field_presence === 'IMPLICIT' && !(field.resolvedType && isType(field.resolvedType));
  return isImplicit ? FeatureSet_FieldPresence.IMPLICIT : FeatureSet_FieldPresence.EXPLICIT;
}

/** A default as descriptors have it. */
function defaultText(field: Field): string | undefined {
  const value: unknown = field.options?.default;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value).toLowerCase().replace('inity', '');
  if (field.type !== 'bytes') return String(value);
  return Array.from(Buffer.from(String(value)), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

const SCALARS: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  double: FieldDescriptorProto_Type.DOUBLE,
  float: FieldDescriptorProto_Type.FLOAT,
  int64: FieldDescriptorProto_Type.INT64,
  uint64: FieldDescriptorProto_Type.UINT64,
  int32: FieldDescriptorProto_Type.INT32,
  fixed64: FieldDescriptorProto_Type.FIXED64,
  fixed32: FieldDescriptorProto_Type.FIXED32,
  bool: FieldDescriptorProto_Type.BOOL,
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  uint32: FieldDescriptorProto_Type.UINT32,
  sfixed32: FieldDescriptorProto_Type.SFIXED32,
  sfixed64: FieldDescriptorProto_Type.SFIXED64,
  sint32: FieldDescriptorProto_Type.SINT32,
  sint64: FieldDescriptorProto_Type.SINT64,
};

/** The files of the types that protobufjs has built in, which know no file. */
const BUILT_IN_OF = new Map<string, string>();
for (const name of ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers']) {
  const file = builtInFile(`google/protobuf/${name}.proto`)!;
  for (const type of [...file.messageType, ...file.enumType]) BUILT_IN_OF.set(type.name, file.name);
}

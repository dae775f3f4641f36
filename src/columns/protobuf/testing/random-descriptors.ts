import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  Edition,
  type FeatureSet,
  FeatureSet_EnumType,
  FeatureSet_FieldPresence,
  FeatureSet_MessageEncoding,
  FeatureSet_RepeatedFieldEncoding,
  FeatureSet_Utf8Validation,
  FeatureSetSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { builtInFile } from '../built-in.js';
import type { Random } from './random.js';

const SCALARS = [
  Type.DOUBLE,
  Type.FLOAT,
  Type.INT64,
  Type.UINT64,
  Type.INT32,
  Type.FIXED64,
  Type.FIXED32,
  Type.BOOL,
  Type.STRING,
  Type.BYTES,
  Type.UINT32,
  Type.SFIXED32,
  Type.SFIXED64,
  Type.SINT32,
  Type.SINT64,
];
const KEYS = SCALARS.filter((type) => ![Type.DOUBLE, Type.FLOAT, Type.BYTES].includes(type));
const WELL_KNOWN = [
  ['timestamp', 'Timestamp'],
  ['duration', 'Duration'],
  ['wrappers', 'StringValue'],
  ['wrappers', 'Int32Value'],
  ['wrappers', 'UInt64Value'],
  ['wrappers', 'BoolValue'],
  ['wrappers', 'DoubleValue'],
  ['wrappers', 'BytesValue'],
  ['struct', 'Struct'],
  ['struct', 'Value'],
  ['struct', 'ListValue'],
  ['any', 'Any'],
  ['field_mask', 'FieldMask'],
  ['empty', 'Empty'],
] as const;
/** Names that are something else in JavaScript or in generated code. */
const NAMES = ['constructor', '__proto__', 'toString', 'row', 'bytes', 'p', 'w0', 'state', 'valueOf', 'prototype'];

export interface DescriptorOptions {
  /** Whether a message may lie within itself. */
  readonly isRecursive: boolean;
}

/** A message with fields of all kinds, of a file in proto2, proto3 or edition 2023. */
export function randomDescriptor(random: Random, options: DescriptorOptions): DescMessage {
  const file = new RandomFile(random, options).file();
  const registry = createFileRegistry(file, (name) => builtInFile(name));
  return registry.getMessage('test.M0')!;
}

type Syntax = 'proto2' | 'proto3' | 'editions';

class RandomFile {
  readonly #random: Random;
  readonly #isRecursive: boolean;
  readonly #syntax: Syntax;
  readonly #messages: number;
  readonly #dependencies = new Set<string>();
  #fieldNumbers = 0;
  /** The message has so many fields that the code for it is in several functions. They are scalars, for messages of wide messages have no end. */
  #isWide = false;

  constructor(random: Random, { isRecursive }: DescriptorOptions) {
    this.#random = random;
    this.#isRecursive = isRecursive;
    this.#syntax = random.pick(['proto2', 'proto3', 'editions']);
    this.#messages = 1 + random.below(4);
  }

  file(): FileDescriptorProto {
    const messageType = Array.from({ length: this.#messages }, (_, index) => this.#message(index));
    const isClosed = this.#syntax === 'editions' && this.#random.chance(0.5);
    const values = [0, 1, 2, 5, -3, 2 ** 31 - 1].map((number, index) => ({ name: `E_${index}`, number }));
    const first = this.#syntax === 'proto2' && this.#random.chance(0.3) ? [{ name: 'E_FIRST', number: 7 }] : [];
    return create(FileDescriptorProtoSchema, {
      name: 'test.proto',
      package: 'test',
      ...(this.#syntax === 'editions'
        ? { syntax: 'editions', edition: Edition.EDITION_2023 }
        : { syntax: this.#syntax === 'proto3' ? 'proto3' : '' }),
      messageType,
      enumType: [
        {
          name: 'E',
          value: [...first, ...values],
          ...(isClosed && { options: { features: { enumType: FeatureSet_EnumType.CLOSED } } }),
        },
      ],
      dependency: [...this.#dependencies],
    });
  }

  #message(index: number): DescriptorProto {
    const random = this.#random;
    const message = create(DescriptorProtoSchema, { name: `M${index}` });
    this.#fieldNumbers = 0;
    this.#isWide = random.chance(0.04);
    const count = this.#isWide ? 70 : random.below(9);
    const names = random.shuffled(NAMES);
    for (let i = 0; i < count; i++) {
      const name = (random.chance(0.2) && names.pop()) || `f${i}`;
      const kind = random.below(10);
      if (kind === 0) this.#oneof(message, index, name);
      else if (kind === 1) this.#map(message, index, name);
      else if (kind < 5) message.field.push(this.#field(index, name, Label.REPEATED));
      else message.field.push(this.#singular(index, name));
    }
    // Synthetic oneofs come after the real ones.
    for (const field of message.field) {
      if (!field.proto3Optional) continue;
      field.oneofIndex = message.oneofDecl.length;
      message.oneofDecl.push(create(DescriptorProtoSchema, { name: `_${field.name}` }) as never);
    }
    return message;
  }

  #nextNumber(): number {
    this.#fieldNumbers += 1 + (this.#random.chance(0.2) ? this.#random.below(2000) : 0);
    return this.#fieldNumbers;
  }

  #singular(index: number, name: string): FieldDescriptorProto {
    const random = this.#random;
    const field = this.#field(index, name, Label.OPTIONAL);
    const isMessage = field.type === Type.MESSAGE || field.type === Type.GROUP;
    if (this.#syntax === 'proto3' && random.chance(0.4)) field.proto3Optional = true;
    if (this.#syntax === 'proto2' && random.chance(0.2)) field.label = Label.REQUIRED;
    if (this.#syntax === 'proto2' && random.chance(0.3)) setDefault(field);
    if (this.#syntax === 'editions' && !isMessage && random.chance(0.5)) {
      const isRequired = field.type === Type.ENUM || random.chance(0.3);
      addFeatures(field, {
        fieldPresence: isRequired ? FeatureSet_FieldPresence.LEGACY_REQUIRED : FeatureSet_FieldPresence.IMPLICIT,
      });
      if (isRequired) setDefault(field);
    }
    return field;
  }

  #oneof(message: DescriptorProto, index: number, name: string): void {
    const oneofIndex = message.oneofDecl.length;
    message.oneofDecl.push({ $typeName: 'google.protobuf.OneofDescriptorProto', name });
    for (let i = 0; i < 1 + this.#random.below(4); i++) {
      const field = this.#field(index, `${name}_${i}`, Label.OPTIONAL);
      field.oneofIndex = oneofIndex;
      message.field.push(field);
    }
  }

  #map(message: DescriptorProto, index: number, name: string): void {
    const entry = create(DescriptorProtoSchema, {
      name: `Entry${message.nestedType.length}`,
      options: { mapEntry: true },
    });
    const key = create(FieldDescriptorProtoSchema, {
      name: 'key',
      number: 1,
      label: Label.OPTIONAL,
      type: this.#random.pick(KEYS),
    });
    const value = this.#field(index, 'value', Label.OPTIONAL);
    value.number = 2;
    if (value.type === Type.GROUP) value.type = Type.MESSAGE;
    delete value.options;
    entry.field = [key, value];
    message.nestedType.push(entry);
    message.field.push(
      create(FieldDescriptorProtoSchema, {
        name,
        number: this.#nextNumber(),
        label: Label.REPEATED,
        type: Type.MESSAGE,
        typeName: `.test.M${index}.${entry.name}`,
      }),
    );
  }

  #field(index: number, name: string, label: Label): FieldDescriptorProto {
    const random = this.#random;
    const field = create(FieldDescriptorProtoSchema, { name, number: this.#nextNumber(), label });
    const kind = random.below(this.#isWide ? 6 : 10);
    const targets = this.#isRecursive ? this.#messages : this.#messages - index - 1;
    if (kind < 5 || (kind > 7 && targets <= 0)) {
      field.type = random.pick(SCALARS);
      if (this.#syntax === 'editions' && field.type === Type.STRING && random.chance(0.3)) {
        addFeatures(field, { utf8Validation: FeatureSet_Utf8Validation.NONE });
      }
    } else if (kind === 5) {
      field.type = Type.ENUM;
      field.typeName = '.test.E';
    } else if (kind < 8) {
      const [file, type] = random.pick(WELL_KNOWN);
      this.#dependencies.add(`google/protobuf/${file}.proto`);
      field.type = Type.MESSAGE;
      field.typeName = `.google.protobuf.${type}`;
    } else {
      field.type = Type.MESSAGE;
      field.typeName = `.test.M${this.#isRecursive ? random.below(this.#messages) : index + 1 + random.below(targets)}`;
    }
    if (field.type === Type.MESSAGE && random.chance(0.3)) {
      if (this.#syntax === 'proto2') field.type = Type.GROUP;
      if (this.#syntax === 'editions') addFeatures(field, { messageEncoding: FeatureSet_MessageEncoding.DELIMITED });
    }
    if (label === Label.REPEATED && this.#syntax === 'editions' && random.chance(0.3)) {
      addFeatures(field, { repeatedFieldEncoding: FeatureSet_RepeatedFieldEncoding.EXPANDED });
    }
    return field;
  }
}

function addFeatures(field: FieldDescriptorProto, features: Partial<FeatureSet>): void {
  field.options ??= create(FieldOptionsSchema);
  field.options.features = Object.assign(field.options.features ?? create(FeatureSetSchema), features);
}

function setDefault(field: FieldDescriptorProto): void {
  if (field.type === Type.STRING) field.defaultValue = 'words by default';
  else if (field.type === Type.BYTES) field.defaultValue = '\\001\\377';
  else if (field.type === Type.BOOL) field.defaultValue = 'true';
  else if (field.type === Type.DOUBLE || field.type === Type.FLOAT) field.defaultValue = '-1.5';
  else if (field.type === Type.ENUM) field.defaultValue = 'E_3';
  else if (field.type !== Type.MESSAGE && field.type !== Type.GROUP) field.defaultValue = '77';
}

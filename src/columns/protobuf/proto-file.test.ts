import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Type,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { protobufRows } from './format.js';
import { descriptorOf } from './testing/descriptor.js';
import { outlineOf } from './testing/outline.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arrowlab-proto-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, source: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, source);
  return path;
}

const fieldsOf = (source: string) =>
  Object.fromEntries(descriptorOf(source, 'M').fields.map((field) => [field.name, field]));

test('a file means what its compiled descriptor means (google/protobuf/descriptor.proto under another name)', () => {
  const shipped = join(
    dirname(createRequire(import.meta.url).resolve('protobufjs/package.json')),
    'google/protobuf/descriptor.proto',
  );
  const source = readFileSync(shipped, 'utf8').replaceAll('google.protobuf', 'copied');
  const found = outlineOf(
    protobufRows(write('copied.proto', source), 'copied.FileDescriptorSet', { maxDepth: 1 }).message,
  );
  const plain = (key: string, value: unknown) => (key === 'initial' && value === false ? undefined : value);
  const text = (outlines: object) =>
    JSON.parse(JSON.stringify(outlines, plain).replaceAll('google.protobuf', 'copied'));
  const expected = text(
    outlineOf(DescriptorProtoSchema.file.messages.find(({ name }) => name === 'FileDescriptorSet')!),
  );
  const names = Object.keys(text(found));
  expect(names.length).toBeGreaterThan(20);
  // The two libraries bring different versions of the file along, one without the defaults that are what a type has anyway.
  const common = (outlines: Record<string, unknown>) =>
    Object.fromEntries(
      names.filter((name) => name in expected && !VERSIONED.test(name)).map((name) => [name, outlines[name]]),
    );
  expect(common(text(found))).toEqual(common(expected));
});
const VERSIONED = /Edition|Feature/;

test('proto3: presence, packing, closedness and names', () => {
  const fields = fieldsOf(`enum E { A = 0; }
    message M { int32 implicit = 1; optional int32 explicit = 2; repeated int32 packed = 3; repeated int32 loose = 4 [packed = false];
      string text_of_it = 5; E kind = 6; oneof choice { int32 one = 7; string two = 8; } map<string, E> kinds = 9; optional E maybe = 10 [json_name = "perhaps"]; }`);
  expect(fields.implicit!.presence).toBe(2);
  expect(fields.explicit!.presence).toBe(1);
  expect(fields.explicit!.oneof).toBeUndefined();
  expect(fields.packed).toMatchObject({ packed: true });
  expect(fields.loose).toMatchObject({ packed: false });
  expect(fields.text_of_it).toMatchObject({ utf8Validation: true, jsonName: 'textOfIt' });
  expect(fields.kind!.enum!.open).toBe(true);
  expect(fields.two!.oneof!.name).toBe('choice');
  expect(fields.kinds).toMatchObject({ fieldKind: 'map', mapKey: FieldDescriptorProto_Type.STRING, mapKind: 'enum' });
  expect(fields.maybe!.jsonName).toBe('perhaps');
});

test('proto2: required, defaults, groups, closed enums, unchecked text', () => {
  const fields = fieldsOf(`syntax = "proto2";
    enum E { A = 1; B = -2; }
    message M { required int32 needed = 1 [default = -7]; optional bytes raw = 2 [default = "\\001\\"x"]; optional double most = 3 [default = inf];
      optional group Inner = 4 { optional int32 x = 1; } repeated int32 loose = 5; repeated int32 packed = 6 [packed = true];
      optional string text = 7; optional E kind = 8 [default = B]; repeated group Many = 9 { optional int32 y = 1; } }`);
  const initial = (name: string) => (fields[name] as { getDefaultValue(): unknown }).getDefaultValue();
  expect(fields.needed!.presence).toBe(3);
  expect(initial('needed')).toBe(-7);
  expect(initial('raw')).toEqual(Uint8Array.from(Buffer.from('\u0001"x')));
  expect(initial('most')).toBe(Number.POSITIVE_INFINITY);
  expect(initial('kind')).toBe(-2);
  expect(fields.inner).toMatchObject({ fieldKind: 'message', delimitedEncoding: true });
  expect(fields.many).toMatchObject({ fieldKind: 'list', delimitedEncoding: true });
  expect(fields.loose).toMatchObject({ packed: false });
  expect(fields.packed).toMatchObject({ packed: true });
  expect(fields.text!.utf8Validation).toBe(false);
  expect(fields.kind!.enum!.open).toBe(false);
});

test('edition 2023: features of the file, of a message and of a field', () => {
  const fields = fieldsOf(`edition = "2023";
    option features.field_presence = IMPLICIT;
    option features.utf8_validation = NONE;
    enum E { option features.enum_type = CLOSED; A = 0; }
    message Other { int32 x = 1; }
    message M { int32 implicit = 1; int32 explicit = 2 [features.field_presence = EXPLICIT]; string text = 3;
      repeated int32 loose = 4 [features.repeated_field_encoding = EXPANDED]; Other group = 5 [features.message_encoding = DELIMITED];
      int32 needed = 6 [features.field_presence = LEGACY_REQUIRED]; E kind = 7 [features.field_presence = EXPLICIT]; }`);
  expect([fields.implicit, fields.explicit, fields.needed].map((field) => field!.presence)).toEqual([2, 1, 3]);
  expect(fields.text!.utf8Validation).toBe(false);
  expect(fields.loose).toMatchObject({ packed: false });
  expect(fields.group).toMatchObject({ delimitedEncoding: true });
  expect(fields.kind!.enum!.open).toBe(false);
});

test('imports are found beside the file, in include paths and among what is built in, whatever their syntax', () => {
  write(
    'shared/units.proto',
    'syntax = "proto2"; package units; message Unit { optional string name = 1; enum Kind { METRE = 1; } optional Kind kind = 2; }',
  );
  const main = write(
    'main/main.proto',
    `syntax = "proto3"; package app; import "units.proto"; import public "beside.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/descriptor.proto";
     extend google.protobuf.FieldOptions { string note = 50000; }
     message M { units.Unit unit = 1 [(note) = "n"]; Beside beside = 2; google.protobuf.Timestamp at = 3; google.protobuf.FieldDescriptorProto.Type type = 4; }
     service S { rpc Call(M) returns (M); }`,
  );
  write(
    'main/beside.proto',
    'syntax = "proto3"; package app; message Beside { M.Inner x = 1; message M { message Inner { int32 y = 1; } } }',
  );
  const { message, parsedSchema } = protobufRows(main, 'app.M', { includePaths: [join(folder, 'shared')] });
  expect(parsedSchema.fields.map(({ name, type }) => [name, type.name])).toEqual([
    ['unit', 'Struct'],
    ['beside', 'Struct'],
    ['at', 'Timestamp'],
    ['type', 'Int'],
  ]);
  expect(message.fields[0]!.message!.fields[1]!.enum!.open).toBe(false);
  expect(() => protobufRows(main, 'app.M')).toThrow(/units\.proto is imported, and not in .*includePaths adds folders/);
});

test('what cannot be read or found is told', () => {
  expect(() => protobufRows(join(folder, 'nowhere.proto'), 'M')).toThrow(
    /expected a .proto file that can be read, found .*nowhere.proto: ENOENT/,
  );
  expect(() => protobufRows(write('broken.proto', 'syntax = "proto3"; message {'), 'M')).toThrow(
    /found .*broken.proto: illegal/,
  );
  const file = write('two.proto', 'syntax = "proto3"; package p; message A { B b = 1; message B {} }');
  expect(() => protobufRows(file, 'A')).toThrow('expected the full name of a message, found "A": there is p.A, p.A.B');
  expect(() => protobufRows(file, undefined as never)).toThrow('expected the full name of a message, found undefined');
  expect(() => protobufRows(Uint8Array.of(1, 2, 3), 'A')).toThrow(/expected a FileDescriptorSet/);
});

test('a FileDescriptorSet may have its files in any order, without those that are built in', () => {
  const { message } = protobufRows(
    write(
      'set.proto',
      'syntax = "proto3"; package p; import "google/protobuf/timestamp.proto"; message A { google.protobuf.Timestamp at = 1; }',
    ),
    'p.A',
  );
  const { proto } = message.file;
  const names = (files: (typeof proto)[]) => {
    const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
    return protobufRows(bytes, '.p.A').parsedSchema.fields.map(({ type }) => type.name);
  };
  expect(names([proto])).toEqual(['Timestamp']);
  expect(names([proto, file_google_protobuf_timestamp.proto])).toEqual(['Timestamp']);
});

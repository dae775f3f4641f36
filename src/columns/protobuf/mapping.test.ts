import { create, fromBinary, type JsonValue, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { DurationSchema, StructSchema, TimestampSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import type { ParsedField } from '../field.js';
import { typeText } from '../type.js';
import { ProtobufFormat } from './format.js';
import type { ProtobufOptions } from './options.js';
import { arrowColumns, bindRows, staleColumns } from './testing/batches.js';
import { descriptorOf } from './testing/descriptor.js';
import type { Plain, PlainOptions } from './testing/plain.js';

const OPTIONS: PlainOptions = { enums: 'int32', oneofCase: false, timestampUnit: 'ns' };
const ROOM = { rows: 20, dataBytes: 5000, childRows: 50 };

const schemaOf = (source: string, options?: ProtobufOptions) =>
  new ProtobufFormat(descriptorOf(source, 'M'), options).parsedSchema.fields.flatMap(linesOf).join('\n');

/** A line for each column: indented by its depth, `?` where it is nullable. */
function linesOf({ name, type, nullable, dictionary, children }: ParsedField): string[] {
  const line = `${name}${nullable ? '?' : ''}: ${typeText(type)}${dictionary ? ' by dictionary' : ''}`;
  return [line, ...children.flatMap(linesOf).map((below) => `  ${below}`)];
}

test('each kind of field has its column', () => {
  const source = `import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
    import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/empty.proto"; import "google/protobuf/field_mask.proto";
    enum E { A = 0; }
    message Where { double lat = 1; optional float lon = 2; }
    message M { int32 i = 1; optional uint64 u = 2; string s = 3; bytes b = 4; E e = 5; Where where = 6; repeated Where path = 7;
      map<int64, bool> flags = 8; oneof choice { string word = 9; Where place = 10; } google.protobuf.Timestamp at = 11; google.protobuf.Duration took = 12;
      google.protobuf.Int64Value maybe = 13; google.protobuf.Struct extra = 14; google.protobuf.Any any = 15; google.protobuf.Empty none = 16;
      google.protobuf.FieldMask mask = 17; repeated google.protobuf.StringValue texts = 18; }`;
  expect(schemaOf(source)).toMatchInlineSnapshot(`
    "i: Int { bitWidth: 32, isSigned: true }
    u?: Int { bitWidth: 64, isSigned: false }
    s: Utf8
    b: Binary
    e: Int { bitWidth: 32, isSigned: true }
    where?: Struct
      lat: FloatingPoint { precision: 2 }
      lon?: FloatingPoint { precision: 1 }
    path: List
      item: Struct
        lat: FloatingPoint { precision: 2 }
        lon?: FloatingPoint { precision: 1 }
    flags: Map { keysSorted: false }
      entries: Struct
        key: Int { bitWidth: 64, isSigned: true }
        value: Bool
    word?: Utf8
    place?: Struct
      lat: FloatingPoint { precision: 2 }
      lon?: FloatingPoint { precision: 1 }
    at?: Timestamp { unit: 3, timezone: UTC }
    took?: Duration { unit: 3 }
    maybe?: Int { bitWidth: 64, isSigned: true }
    extra?: Utf8
    any?: Struct
      type_url: Utf8
      value: Binary
    none?: Bool
    mask?: Struct
      paths: List
        item: Utf8
    texts: List
      item: Utf8"
  `);
  expect(schemaOf(source, { enums: 'dictionary', oneofCase: true, timestampUnit: 'ms' })).toMatchInlineSnapshot(`
    "i: Int { bitWidth: 32, isSigned: true }
    u?: Int { bitWidth: 64, isSigned: false }
    s: Utf8
    b: Binary
    e: Utf8 by dictionary
    where?: Struct
      lat: FloatingPoint { precision: 2 }
      lon?: FloatingPoint { precision: 1 }
    path: List
      item: Struct
        lat: FloatingPoint { precision: 2 }
        lon?: FloatingPoint { precision: 1 }
    flags: Map { keysSorted: false }
      entries: Struct
        key: Int { bitWidth: 64, isSigned: true }
        value: Bool
    choice?: Utf8 by dictionary
    word?: Utf8
    place?: Struct
      lat: FloatingPoint { precision: 2 }
      lon?: FloatingPoint { precision: 1 }
    at?: Timestamp { unit: 1, timezone: UTC }
    took?: Duration { unit: 3 }
    maybe?: Int { bitWidth: 64, isSigned: true }
    extra?: Utf8
    any?: Struct
      type_url: Utf8
      value: Binary
    none?: Bool
    mask?: Struct
      paths: List
        item: Utf8
    texts: List
      item: Utf8"
  `);
});

test('a message within itself has columns as often as maxDepth says, then it is bytes', () => {
  const source = 'message M { string name = 1; repeated M below = 2; }';
  expect(schemaOf(source, { maxDepth: 1 })).toMatchInlineSnapshot(`
    "name: Utf8
    below: List
      item: Binary"
  `);
  expect(schemaOf(source)).toMatchInlineSnapshot(`
    "name: Utf8
    below: List
      item: Struct
        name: Utf8
        below: List
          item: Binary"
  `);
});

test('a recursive type that would have far too many columns is refused', () => {
  const source = 'message M { M a = 1; M b = 2; M c = 3; M d = 4; }';
  expect(() => schemaOf(source, { maxDepth: 12 })).toThrow(/at most 20000 columns, found more: .* smaller maxDepth/);
});

test.each<[string, object]>([
  ['maxDepth: expected a whole number of at least 1, found 0', { maxDepth: 0 }],
  ['enums: expected int32 or dictionary, found text', { enums: 'text' }],
  ['timestampUnit: expected s or ms or us or ns, found m', { timestampUnit: 'm' }],
  ['malformed: expected error or skip, found ignore', { malformed: 'ignore' }],
])('%s', (message, options) => {
  expect(() => schemaOf('message M {}', options)).toThrow(message);
});

const TIMES = `import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
  message M { google.protobuf.Timestamp at = 1; google.protobuf.Duration took = 2; }`;

function timeOf(
  unit: PlainOptions['timestampUnit'],
  field: 'at' | 'took',
  seconds: bigint,
  nanos: number,
): Plain | undefined {
  const desc = descriptorOf(TIMES, 'M');
  const schema = field === 'at' ? TimestampSchema : DurationSchema;
  const message = toBinary(
    desc,
    create(desc, { [field]: create(schema, { seconds, nanos } as MessageInitShape<typeof schema>) } as never),
  );
  const [row] = bindRows(new ProtobufFormat(desc, { timestampUnit: unit }), [message], {
    ...OPTIONS,
    timestampUnit: unit,
  });
  return (row as Map<string, Plain>).get(field);
}

test.each([
  ['ns', 'at', 1n, 5, 1_000_000_005n],
  ['ns', 'at', -1n, 999_999_999, -1n],
  ['us', 'at', -1n, 999_999_999, -1n],
  ['ms', 'at', -2n, 1, -2000n],
  ['s', 'at', 253_402_300_799n, 999_999_999, 253_402_300_799n],
  ['us', 'at', -62_135_596_800n, 0, -62_135_596_800_000_000n],
  ['us', 'at', 253_402_300_799n, 999_999_999, 253_402_300_799_999_999n],
  ['ns', 'at', 9_223_372_036n, 854_775_807, 2n ** 63n - 1n],
  ['ns', 'at', -9_223_372_037n, 145_224_192, -(2n ** 63n)],
  ['ns', 'took', -3n, -5, -3_000_000_005n],
  ['ns', 'took', 0n, -999_999_999, -999_999_999n],
  ['s', 'took', 9_000_000_000n, 1, 9_000_000_000_000_000_001n],
] as const)('in %s, %s of %d s and %d ns is %d', (unit, field, seconds, nanos, expected) => {
  expect(timeOf(unit, field, seconds, nanos)).toBe(expected);
});

test.each([
  [
    'ns',
    'at',
    9_223_372_036n,
    854_775_808,
    'message 0: byte 2: at: expected a time that 64 bits of its unit can tell, found 9223372036 seconds',
  ],
  ['s', 'at', 253_402_300_800n, 0, 'at: expected seconds from -62135596800 to 253402300799, found 253402300800'],
  ['s', 'at', 0n, -1, 'at: expected nanoseconds of less than a second, found -1'],
  ['s', 'at', 0n, 1_000_000_000, 'at: expected nanoseconds of less than a second, found 1000000000'],
  ['s', 'took', 1n, -1, 'took: expected nanoseconds with the sign of the seconds, found -1'],
  [
    's',
    'took',
    10_000_000_000n,
    0,
    'took: expected a time that 64 bits of its unit can tell, found 10000000000 seconds',
  ],
  ['s', 'took', 2n ** 63n - 1n, 0, 'took: expected seconds from -315576000000 to 315576000000'],
] as const)('in %s, %s of %d s and %d ns is refused', (unit, field, seconds, nanos, message) => {
  expect(() => timeOf(unit, field, seconds, nanos)).toThrow(message);
});

test('Struct and Value are JSON text; numbers that JSON does not have are strings', () => {
  const desc = descriptorOf(
    'import "google/protobuf/struct.proto"; message M { google.protobuf.Struct s = 1; repeated google.protobuf.Value v = 2; }',
    'M',
  );
  const json: JsonValue = { 'a "b"': [1, null, { c: '\u2028é' }], __proto: true };
  const numbers = [Number.NaN, Number.NEGATIVE_INFINITY, 1e21].map((value) =>
    create(ValueSchema, { kind: { case: 'numberValue', value } }),
  );
  const bytes = toBinary(desc, create(desc, { s: json, v: [...numbers, create(ValueSchema)] } as never));
  const format = new ProtobufFormat(desc);
  const appender = format.appender();
  const columns = staleColumns(format.parsedSchema, ROOM);
  appender.bind(columns);
  appender.append(bytes, 0);
  const [s, v] = arrowColumns(format.parsedSchema, appender, columns);
  const texts = (data: { values: Uint8Array; valueOffsets: Int32Array; length: number }) =>
    Array.from({ length: data.length }, (_, row) =>
      Buffer.from(data.values.subarray(data.valueOffsets[row], data.valueOffsets[row + 1])).toString(),
    );
  expect(JSON.parse(texts(s as never)[0]!)).toEqual(json);
  expect(texts(v!.children[0] as never)).toEqual(['"NaN"', '"-Infinity"', '1e+21', 'null']);
  expect(fromBinary(StructSchema, new Uint8Array(0)).fields).toEqual({});
});

test('numbers without a name join the dictionary as digits, and parts that were given stay the same objects', () => {
  const desc = descriptorOf('enum E { A = 0; B = 5; } message M { E e = 1; }', 'M');
  const format = new ProtobufFormat(desc, { enums: 'dictionary' });
  const appender = format.appender();
  const batch = (...numbers: number[]) => {
    const columns = staleColumns(format.parsedSchema, ROOM);
    appender.bind(columns);
    for (const number of numbers) appender.append(new BinaryWriter().tag(1, WireType.Varint).int32(number).finish(), 0);
    appender.settle();
    const { data } = appender.dictionaryOf(columns[0]!);
    return { data, indices: [...(columns[0]!.values as Int32Array).subarray(0, numbers.length)] };
  };
  const first = batch(5, 0, -9, 5);
  const second = batch(7, -9);
  expect(first.indices).toEqual([1, 0, 2, 1]);
  expect(second.indices).toEqual([3, 2]);
  expect(first.data.map(({ length }) => length)).toEqual([2, 1]);
  expect(second.data.slice(0, 2)).toEqual(first.data);
  expect(second.data[0]).toBe(first.data[0]);
  expect(second.data[1]).toBe(first.data[1]);
  for (let number = 100; number < 200; number++) batch(number);
  const last = batch(7);
  expect(last.indices).toEqual([3]);
  expect(last.data.length).toBeLessThan(40);
  expect(last.data.reduce((rows, { length }) => rows + length, 0)).toBe(104);
});

test('of a map of many entries the last of each key is left, in linear time', () => {
  const desc = descriptorOf('message M { map<string, string> m = 1; }', 'M');
  const writer = new BinaryWriter();
  const entry = (key: string, value: string) =>
    writer
      .tag(1, WireType.LengthDelimited)
      .bytes(
        new BinaryWriter()
          .tag(1, WireType.LengthDelimited)
          .string(key)
          .tag(2, WireType.LengthDelimited)
          .string(value)
          .finish(),
      );
  for (let i = 0; i < 20_000; i++) entry(`key ${i % 100}`, `value ${i}`);
  const [row] = bindRows(new ProtobufFormat(desc), [writer.finish()], OPTIONS);
  const map = (row as Map<string, Map<string, Plain>>).get('m')!;
  expect(map.size).toBe(100);
  expect(map.get('key 42')).toBe('value 19942');
});

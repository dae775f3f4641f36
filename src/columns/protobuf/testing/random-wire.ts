import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Random } from './random.js';

/** Texts with what is hard in UTF-8, short and long. */
const TEXTS = [
  '',
  'a',
  'plain',
  'grüße',
  '日本語',
  '🎈 x',
  '\ufeffmark',
  '\u0000',
  'long '.repeat(20),
  'länger '.repeat(15),
];
const INVALID_UTF8 = [
  Uint8Array.of(0xff),
  Uint8Array.of(0x61, 0xc3),
  Uint8Array.of(0xed, 0xa0, 0x80, 0x62),
  Uint8Array.of(0xf0, 0x9f),
];
const WORDS = [0, 1, 2, 127, 128, 300, 2 ** 31 - 1, -1, -(2 ** 31), -129];
const LONGS = [0n, 1n, 127n, 128n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 1234567890123456789n];
const DOUBLES = [0, -0, 1.5, -1e300, Number.NaN, Number.POSITIVE_INFINITY, 5e-324];

/**
 * Bytes of a message as no encoder would write them, but every decoder has to read them: fields in any order, more than once, messages in
 * parts, lists packed and not, unknown fields and groups in between, varints longer than need be.
 */
export function randomWire(random: Random, desc: DescMessage, depth = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const field of desc.fields) {
    const times = occurrences(random, field, depth);
    for (let i = 0; i < times; i++) parts.push(fieldBytes(random, field, depth));
  }
  if (random.chance(0.1)) parts.push(unknownField(random, desc));
  const ordered = random.chance(0.5) ? parts : random.shuffled(parts);
  return concat(ordered);
}

function occurrences(random: Random, field: DescField, depth: number): number {
  if (depth > 5 && field.message) return 0;
  if (field.fieldKind === 'list' || field.fieldKind === 'map') {
    return random.chance(depth > 2 ? 0.8 : 0.4) ? 0 : random.below(field.fieldKind === 'map' ? 6 : 4);
  }
  if (field.fieldKind === 'message' && random.chance(depth > 2 ? 0.7 : 0.3)) return 0;
  return random.pick([0, 1, 1, 1, 1, 1, 1, 2, 3]);
}

function fieldBytes(random: Random, field: DescField, depth: number): Uint8Array {
  const writer = new BinaryWriter();
  const { number } = field;
  switch (field.fieldKind) {
    case 'scalar':
      writeScalar(random, writer, number, field.scalar, field.utf8Validation);
      break;
    case 'enum':
      writer.tag(number, WireType.Varint).int32(random.pick([0, 1, 2, 5, -3, 7, 99]));
      break;
    case 'message':
      writeMessage(random, writer, field, field.message, depth, field.delimitedEncoding);
      break;
    case 'list':
      if (field.listKind === 'message') {
        writeMessage(random, writer, field, field.message, depth, field.delimitedEncoding);
      } else {
        writeItems(random, writer, field);
      }
      break;
    case 'map':
      writer.tag(number, WireType.LengthDelimited).bytes(entryBytes(random, field, depth));
  }
  return writer.finish();
}

function writeItems(random: Random, writer: BinaryWriter, field: DescField & { fieldKind: 'list' }): void {
  const scalar = field.listKind === 'scalar' ? field.scalar : ScalarType.INT32;
  const isPackable = scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES;
  if (!isPackable || random.chance(0.4)) {
    writeScalar(random, writer, field.number, scalar, field.utf8Validation);
    return;
  }
  const packed = new BinaryWriter();
  for (let i = random.below(5); i > 0; i--) writeValue(random, packed, scalar, true);
  writer.tag(field.number, WireType.LengthDelimited).bytes(packed.finish());
}

function entryBytes(random: Random, field: DescField & { fieldKind: 'map' }, depth: number): Uint8Array {
  const key = () => {
    const writer = new BinaryWriter();
    writeScalar(random, writer, 1, field.mapKey, field.utf8Validation);
    return writer.finish();
  };
  const value = () => {
    const writer = new BinaryWriter();
    if (field.mapKind === 'message') writeMessage(random, writer, { number: 2 }, field.message, depth, false);
    else
      writeScalar(
        random,
        writer,
        2,
        field.mapKind === 'scalar' ? field.scalar : ScalarType.INT32,
        field.utf8Validation,
      );
    return writer.finish();
  };
  const parts = [
    random.chance(0.9) ? [key()] : [],
    random.chance(0.9) ? [value()] : [],
    random.chance(0.1) ? [value()] : [],
  ];
  if (random.chance(0.05)) parts.push([new BinaryWriter().tag(3, WireType.Varint).uint32(5).finish()]);
  return concat(random.chance(0.8) ? parts.flat() : random.shuffled(parts.flat()));
}

function writeMessage(
  random: Random,
  writer: BinaryWriter,
  { number }: { number: number },
  message: DescMessage,
  depth: number,
  isGroup: boolean,
): void {
  const bytes = wellKnown(random, message) ?? randomWire(random, message, depth + 1);
  if (isGroup) writer.tag(number, WireType.StartGroup).raw(bytes).tag(number, WireType.EndGroup);
  else writer.tag(number, WireType.LengthDelimited).bytes(bytes);
}

/** Times that every unit can tell; undefined for other messages. */
function wellKnown(random: Random, { typeName }: DescMessage): Uint8Array | undefined {
  if (typeName !== 'google.protobuf.Timestamp' && typeName !== 'google.protobuf.Duration') return undefined;
  const writer = new BinaryWriter();
  const isTimestamp = typeName === 'google.protobuf.Timestamp';
  const seconds = [
    0n,
    1n,
    1_700_000_000n,
    4_000_000_000n,
    isTimestamp ? -1n : 5n,
    isTimestamp ? -9_000_000_000n : 9_000_000_000n,
  ];
  if (random.chance(0.9)) writer.tag(1, WireType.Varint).int64(random.pick(seconds));
  if (random.chance(0.7)) writer.tag(2, WireType.Varint).int32(random.pick([0, 1, 999, 1_000_001, 999_999_999]));
  return writer.finish();
}

function writeScalar(
  random: Random,
  writer: BinaryWriter,
  number: number,
  scalar: ScalarType,
  isStrict: boolean,
): void {
  writer.tag(number, WIRE_TYPES[scalar] ?? WireType.Varint);
  writeValue(random, writer, scalar, isStrict);
}

const WIRE_TYPES: Partial<Record<ScalarType, WireType>> = {
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.SFIXED32]: WireType.Bit32,
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
};

function writeValue(random: Random, writer: BinaryWriter, scalar: ScalarType, isStrict: boolean): void {
  const long = random.chance(0.5)
    ? random.pick(LONGS)
    : BigInt.asIntN(64, BigInt(random.word()) * BigInt(random.word()));
  const int = random.chance(0.7) ? random.pick(WORDS) : random.word() | 0;
  switch (scalar) {
    case ScalarType.DOUBLE:
      return void writer.double(random.pick(DOUBLES));
    case ScalarType.FLOAT:
      return void writer.float(Math.fround(random.pick([0, -0, 1.5, Number.NaN, -3e38])));
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return void writer.uint64(BigInt.asUintN(64, long));
    case ScalarType.SINT64:
      return void writer.sint64(long);
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return void writer.sfixed64(long);
    case ScalarType.INT32:
      if (random.chance(0.05)) return void writer.uint64(BigInt.asUintN(64, long));
      return void writer.int32(int);
    case ScalarType.UINT32:
      if (random.chance(0.1)) return void writer.raw(Uint8Array.of(0x85, 0x80, 0x00));
      return void writer.uint32(int >>> 0);
    case ScalarType.SINT32:
      return void writer.sint32(int);
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return void writer.sfixed32(int);
    case ScalarType.BOOL:
      if (random.chance(0.1)) return void writer.uint64(BigInt.asUintN(64, long));
      return void writer.bool(random.chance(0.5));
    case ScalarType.STRING:
      if (!isStrict && random.chance(0.2)) return void writer.bytes(random.pick(INVALID_UTF8));
      return void writer.string(random.pick(TEXTS));
    case ScalarType.BYTES:
      return void writer.bytes(random.bytes(random.pick([0, 1, 5, 60])));
  }
}

function unknownField(random: Random, desc: DescMessage): Uint8Array {
  const known = new Set(desc.fields.map(({ number }) => number));
  const candidates = [15, 16, 1000, 99999, 2 ** 29 - 1].filter((number) => !known.has(number));
  const number = random.pick(candidates);
  const writer = new BinaryWriter();
  switch (random.below(5)) {
    case 0:
      return writer.tag(number, WireType.Varint).uint32(random.word()).finish();
    case 1:
      return writer.tag(number, WireType.Bit64).raw(random.bytes(8)).finish();
    case 2:
      return writer
        .tag(number, WireType.LengthDelimited)
        .bytes(random.bytes(random.below(20)))
        .finish();
    case 3:
      return writer.tag(number, WireType.Bit32).raw(random.bytes(4)).finish();
    default:
      writer.tag(number, WireType.StartGroup).tag(1, WireType.Varint).uint32(3);
      writer.tag(2, WireType.StartGroup).tag(2, WireType.EndGroup);
      return writer.tag(number, WireType.EndGroup).finish();
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

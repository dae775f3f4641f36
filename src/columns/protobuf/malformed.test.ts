import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtobufAppender } from './appender.js';
import { composeDecoder } from './compose.js';
import { ProtobufFormat } from './format.js';
import { generateDecoder } from './generate.js';
import { planOf } from './mapping.js';
import { resolveOptions } from './options.js';
import { arrowColumns, staleColumns } from './testing/batches.js';
import { descriptorOf } from './testing/descriptor.js';
import { type PlainOptions, plainOfMessage, plainOfRow } from './testing/plain.js';
import { Random } from './testing/random.js';
import { randomDescriptor } from './testing/random-descriptors.js';
import { concat, randomWire } from './testing/random-wire.js';

const OPTIONS: PlainOptions = { enums: 'int32', oneofCase: true, timestampUnit: 'us' };
const ROOM = { rows: 200, dataBytes: 1 << 16, childRows: 1 << 11 };
/** What is refused here and accepted there: times that no column can tell. */
const TIME = /expected (seconds from|nanoseconds|a time)/;

function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const rest = bytes.subarray(at);
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return concat([bytes.subarray(0, at), random.bytes(1 + random.below(3)), rest]);
    case 2:
      return concat([bytes.subarray(0, at), rest.subarray(1 + random.below(3))]);
    case 3:
      return concat([bytes, rest]);
    default: {
      const changed = bytes.slice();
      for (let i = 1 + random.below(3); i > 0 && changed.length > 0; i--)
        changed[random.below(changed.length)]! ^= 1 << random.below(8);
      return changed;
    }
  }
}

function decoded(desc: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(desc, bytes);
  } catch {
    return undefined;
  }
}

/** What appending gives, or the message of its error. */
function outcomeOf(append: () => boolean): boolean | string {
  try {
    return append();
  } catch (error) {
    expect((error as { code?: string }).code, String(error)).toBe('ERR_ARROWLAB_DATA_INVALID');
    return (error as Error).message;
  }
}

/** The message of the error; undefined when there is none, and a row. */
function failureOf(append: () => boolean): string | undefined {
  const outcome = outcomeOf(append);
  expect(outcome, 'there is too little room').not.toBe(false);
  return typeof outcome === 'string' ? outcome : undefined;
}

describe.each([
  ['generated', generateDecoder],
  ['closures', composeDecoder],
] as const)('%s', (_, make) => {
  test('changed bytes are refused where @bufbuild/protobuf refuses them, else read as it reads them, and change no other row', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const desc = randomDescriptor(random, { isRecursive: false });
        if (desc.fields.length === 0) return;
        const schema = new ProtobufFormat(desc, OPTIONS).parsedSchema;
        const appender = new ProtobufAppender(planOf(desc, resolveOptions(OPTIONS)), false, make);
        const columns = staleColumns(schema, ROOM);
        appender.bind(columns);
        const expected: ReturnType<typeof plainOfMessage>[] = [];
        for (let number = 0; number < 40; number++) {
          const bytes = mutated(random, randomWire(random, desc));
          const message = decoded(desc, bytes);
          const failure = failureOf(() => appender.append(bytes, number));
          if (failure !== undefined && message && TIME.test(failure)) continue;
          if ((failure === undefined) !== (message !== undefined)) {
            expect(failure, `message ${number}: ${Buffer.from(bytes).toString('hex')}`).toBe(
              message ? undefined : 'an error',
            );
          }
          if (message) expected.push(plainOfMessage(desc, message, OPTIONS));
        }
        const data = arrowColumns(schema, appender, columns);
        expect(expected.map((_, row) => plainOfRow(desc, data, row, OPTIONS))).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});

test('both decoders refuse with the same words', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const desc = randomDescriptor(random, { isRecursive: true });
      if (desc.fields.length === 0) return;
      const schema = new ProtobufFormat(desc).parsedSchema;
      const appenders = [generateDecoder, composeDecoder].map((make) => {
        const appender = new ProtobufAppender(planOf(desc, resolveOptions({})), false, make);
        appender.bind(staleColumns(schema, ROOM));
        return appender;
      });
      for (let number = 0; number < 20; number++) {
        const bytes = mutated(random, randomWire(random, desc));
        const [generated, closures] = appenders.map((appender) => outcomeOf(() => appender.append(bytes, number)));
        expect(closures).toBe(generated);
      }
      expect(appenders[1]!.unknownFields).toBe(appenders[0]!.unknownFields);
    }),
    { numRuns: 100 },
  );
});

const PLACES = descriptorOf(
  `message Place { Where where = 1; repeated Where path = 2; repeated int32 counts = 3; map<string, Where> named = 4; string name = 5; }
   message Where { double lat = 1; double lon = 2; repeated string tags = 3; }`,
  'Place',
);

function messageOf(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

const cases: [string, (writer: BinaryWriter) => void, string][] = [
  [
    'a value that is cut off',
    (w) =>
      w
        .tag(1, WireType.LengthDelimited)
        .bytes(messageOf((inner) => inner.tag(1, WireType.Bit64).raw(new Uint8Array(3)))),
    'message 17: byte 3: where.lat: expected 8 more bytes, found the end, 5 too early',
  ],
  [
    'an item of a list',
    (w) => {
      w.tag(2, WireType.LengthDelimited).bytes(new Uint8Array(0));
      const tags = messageOf((inner) =>
        inner.tag(3, WireType.LengthDelimited).string('x').tag(3, WireType.LengthDelimited).bytes(Uint8Array.of(0xff)),
      );
      w.tag(2, WireType.LengthDelimited).bytes(tags);
    },
    'message 17: byte 9: path[1].tags[1]: expected UTF-8, found other bytes (1 in all)',
  ],
  [
    'a packed list',
    (w) => w.tag(3, WireType.LengthDelimited).bytes(Uint8Array.of(1, 2, 0x80)),
    'message 17: byte 5: counts[2]: expected 1 more byte, found the end, 1 too early',
  ],
  [
    'a map',
    (w) =>
      w
        .tag(4, WireType.LengthDelimited)
        .bytes(messageOf((inner) => inner.tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(0xc3)))),
    'message 17: byte 4: named[0].key: expected UTF-8, found other bytes (1 in all)',
  ],
  [
    'a length past the end',
    (w) => w.tag(5, WireType.LengthDelimited).uint32(4_000_000_000),
    'message 17: byte 6: name: expected 4000000000 more bytes, found the end, 4000000000 too early',
  ],
  [
    'a tag',
    (w) => w.raw(Uint8Array.of(7)),
    'message 17: byte 0: expected a tag with a field number and a wire type of 0 to 5, found field number 0, wire type 7',
  ],
  [
    'a long tag of no field',
    (w) => w.raw(Uint8Array.of(0x82, 0x00, 0x00)),
    'message 17: byte 0: expected a tag with a field number and a wire type of 0 to 5, found field number 0, wire type 2',
  ],
  [
    'a tag of more than 32 bits',
    (w) => w.raw(Uint8Array.of(0x88, 0x80, 0x80, 0x80, 0x10, 0x00)),
    'message 17: byte 0: expected a tag of 32 bits, found a longer one',
  ],
  [
    'an end without a beginning',
    (w) => w.tag(9, WireType.EndGroup),
    'message 17: byte 1: expected a field, found the end of group 9, which had not begun',
  ],
];

test.each(cases)('%s is told by message, byte and path', (_, write, expected) => {
  const format = new ProtobufFormat(PLACES);
  const appender = format.appender();
  const columns = staleColumns(format.parsedSchema, ROOM);
  appender.bind(columns);
  const bytes = messageOf(write);
  expect(() => fromBinary(PLACES, bytes)).toThrow();
  expect(failureOf(() => appender.append(bytes, 17))).toBe(expected);
  expect(appender.rows).toBe(0);
});

test('what is no bytes is told', () => {
  const format = new ProtobufFormat(PLACES);
  const appender = format.appender();
  appender.bind(staleColumns(format.parsedSchema, ROOM));
  const message = 'message 3: expected a Uint8Array of less than 2 GiB, found string';
  expect(() => appender.append('a message' as never, 3)).toThrow(message);
});

test('malformed messages are skipped and counted where that is asked for, and unknown fields of others counted', () => {
  const format = new ProtobufFormat(PLACES, { malformed: 'skip' });
  const appender = format.appender();
  const columns = staleColumns(format.parsedSchema, ROOM);
  appender.bind(columns);
  const good = messageOf((w) => w.tag(5, WireType.LengthDelimited).string('here').tag(99, WireType.Varint).uint32(1));
  const bad = concat([good, Uint8Array.of(7)]);
  expect([good, bad, bad, good].map((bytes, number) => appender.append(bytes, number))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect({ rows: appender.rows, malformed: appender.malformed, unknownFields: appender.unknownFields }).toEqual({
    rows: 2,
    malformed: 2,
    unknownFields: 2,
  });
  const data = arrowColumns(format.parsedSchema, appender, columns);
  const rows = [0, 1].map((row) => plainOfRow(PLACES, data, row, OPTIONS).get('name'));
  expect(rows).toEqual(['here', 'here']);
});

test('as many messages may lie within one another as in @bufbuild/protobuf', () => {
  const desc = descriptorOf('message Tree { Tree left = 1; int32 value = 2; }', 'Tree');
  const format = new ProtobufFormat(desc, { maxDepth: 200 });
  const nested = (depth: number): Uint8Array =>
    depth === 1 ? Uint8Array.of(16, 1) : messageOf((w) => w.tag(1, WireType.LengthDelimited).bytes(nested(depth - 1)));
  const appender = format.appender();
  appender.bind(staleColumns(format.parsedSchema, ROOM));
  expect(appender.append(nested(100), 0)).toBe(true);
  expect(() => fromBinary(desc, nested(100))).not.toThrow();
  expect(failureOf(() => appender.append(nested(101), 1))).toContain(
    'expected at most 100 messages within one another',
  );
  expect(() => fromBinary(desc, nested(101))).toThrow();
});

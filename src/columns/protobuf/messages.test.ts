import { isDeepStrictEqual } from 'node:util';
import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtobufAppender } from './appender.js';
import { composeDecoder } from './compose.js';
import { ProtobufFormat } from './format.js';
import { generateDecoder } from './generate.js';
import { planOf } from './mapping.js';
import { type ProtobufOptions, resolveOptions } from './options.js';
import { arrowColumns, type BatchRoom, staleColumns } from './testing/batches.js';
import { type Plain, plainOfMessage, plainOfRow } from './testing/plain.js';
import { Random } from './testing/random.js';
import { randomDescriptor } from './testing/random-descriptors.js';
import { randomWire } from './testing/random-wire.js';

const MESSAGES = 25;
const DECODERS = { generated: generateDecoder, closures: composeDecoder };
const ENOUGH: BatchRoom = { rows: 30, dataBytes: 1 << 12, childRows: 1 << 7 };

type Options = Required<Pick<ProtobufOptions, 'enums' | 'oneofCase' | 'timestampUnit' | 'maxDepth'>>;

function randomOptions(random: Random, desc: DescMessage): Options {
  return {
    enums: random.pick(['int32', 'dictionary']),
    oneofCase: random.chance(0.5),
    timestampUnit: random.pick(['s', 'ms', 'us', 'ns']),
    maxDepth: depthFor(desc, 1 + random.below(3)),
  };
}

/** At most `maxDepth`, and less where there would be so many columns that one schema takes the time of a hundred. */
function depthFor(desc: DescMessage, maxDepth: number): number {
  if (maxDepth === 1) return 1;
  try {
    if (planOf(desc, resolveOptions({ maxDepth })).slots.length <= 300) return maxDepth;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' });
  }
  return depthFor(desc, maxDepth - 1);
}

/** Appends all messages to as many batches as it takes, with the room that `roomOf` gives, or more where that is not enough for one. */
function rowsOf(
  desc: DescMessage,
  messages: readonly Uint8Array[],
  options: Options,
  make: typeof generateDecoder,
  roomOf: () => BatchRoom,
): Plain[] {
  const schema = new ProtobufFormat(desc, options).parsedSchema;
  const appender = new ProtobufAppender(planOf(desc, resolveOptions(options)), false, make);
  const rows: Plain[] = [];
  let next = 0;
  let factor = 1;
  while (next < messages.length) {
    const { rows: capacity, dataBytes, childRows } = roomOf();
    const columns = staleColumns(schema, {
      rows: capacity,
      dataBytes: dataBytes * factor,
      childRows: childRows * factor,
    });
    appender.bind(columns);
    while (next < messages.length && appender.append(messages[next]!, next)) next++;
    factor = appender.rows === 0 ? factor * 4 : 1;
    const data = arrowColumns(schema, appender, columns);
    for (let row = 0; row < appender.rows; row++) rows.push(plainOfRow(desc, data, row, options));
  }
  return rows;
}

function expectRows(rows: readonly Plain[], expected: readonly Plain[]): void {
  for (const [index, row] of rows.entries()) {
    if (!isDeepStrictEqual(row, expected[index])) expect(row, `message ${index}`).toEqual(expected[index]);
  }
  expect(rows.length).toBe(expected.length);
}

/** Of proto2, required fields that are missing cannot be encoded. */
function encodedAgain(desc: DescMessage, bytes: Uint8Array): Uint8Array {
  try {
    return toBinary(desc, fromBinary(desc, bytes));
  } catch {
    return bytes;
  }
}

describe.each(Object.entries(DECODERS))('%s', (_, make) => {
  test('columns have what @bufbuild/protobuf decodes, whatever the order and the parts on the wire', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const desc = randomDescriptor(random, { isRecursive: true });
        if (desc.fields.length === 0) return;
        const options = randomOptions(random, desc);
        const odd = Array.from({ length: MESSAGES }, () => randomWire(random, desc));
        const expected = odd.map((bytes) => plainOfMessage(desc, fromBinary(desc, bytes), options));
        expectRows(
          rowsOf(desc, odd, options, make, () => ENOUGH),
          expected,
        );
        const ordinary = odd.map((bytes) => encodedAgain(desc, bytes));
        expectRows(
          rowsOf(desc, ordinary, options, make, () => ENOUGH),
          expected,
        );
      }),
      { numRuns: 160 },
    );
  });

  test('where there is no room, wherever that is, nothing has changed, and the message goes to the next batch', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const desc = randomDescriptor(random, { isRecursive: true });
        if (desc.fields.length === 0) return;
        const options = randomOptions(random, desc);
        const messages = Array.from({ length: MESSAGES }, () => randomWire(random, desc));
        const expected = messages.map((bytes) => plainOfMessage(desc, fromBinary(desc, bytes), options));
        const room = () => ({ rows: 1 + random.below(9), dataBytes: random.below(99), childRows: random.below(9) });
        expectRows(rowsOf(desc, messages, options, make, room), expected);
      }),
      { numRuns: 100 },
    );
  });
});

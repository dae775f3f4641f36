import { Readable } from 'node:stream';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DelimitedOptions, delimitedMessages, type Framing } from './delimited.js';

const FRAMINGS: Framing[] = ['varint', 'uint32be', 'uint32le', 'grpc'];

function framed(framing: Framing, message: Uint8Array): Uint8Array {
  if (framing === 'varint') return new BinaryWriter().bytes(message).finish();
  const prefix = Buffer.alloc(framing === 'grpc' ? 5 : 4);
  if (framing === 'uint32le') prefix.writeUInt32LE(message.length);
  else prefix.writeUInt32BE(message.length, prefix.length - 4);
  return Buffer.concat([prefix, message]);
}

/** Bytes in chunks of the lengths that are given, over and over. */
function* chunksOf(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield bytes.slice(start, start + length);
    start += length;
  }
}

async function collected(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const message of messages) all.push(message.slice());
  return all;
}

const arbitraryMessages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
const arbitraryLengths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });

describe.each(FRAMINGS)('framed by %s', (framing) => {
  const all = (messages: readonly Uint8Array[]) =>
    new Uint8Array(Buffer.concat(messages.map((message) => framed(framing, message))));

  test('messages come out as they went in, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryMessages, arbitraryLengths, async (messages, lengths) => {
        const expected = messages.map((message) => new Uint8Array(message));
        const bytes = all(messages);
        expect([...delimitedMessages(bytes, { framing })].map((message) => message.slice())).toEqual(expected);
        expect(await collected(delimitedMessages(chunksOf(bytes, lengths), { framing }))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test('an end within a message is an error that tells where the message began', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryMessages, arbitraryLengths, fc.nat(), async (messages, lengths, cut) => {
        const bytes = all([...messages, Uint8Array.of(1, 2, 3)]);
        const start = all(messages).length;
        const end = start + 1 + (cut % (bytes.length - start - 1));
        const expected = {
          code: 'ERR_ARROWLAB_DATA_INVALID',
          message: expect.stringMatching(`^byte ${start}: expected .* found the end`),
        };
        const isCut = collected(delimitedMessages(chunksOf(bytes.subarray(0, end), lengths), { framing }));
        await expect(isCut).rejects.toMatchObject(expected);
        expect(() => [...delimitedMessages(bytes.subarray(0, end), { framing })]).toThrow(/found the end/);
      }),
      { numRuns: 30 },
    );
  });

  test('a length over the limit is an error before its bytes have come', async () => {
    const options: DelimitedOptions = { framing, maxMessageBytes: 100 };
    const bytes = all([Uint8Array.of(7), new Uint8Array(101)]);
    const start = all([Uint8Array.of(7)]).length;
    const expected = `byte ${start}: expected a message of at most 100 bytes (maxMessageBytes), found a length of 101`;
    await expect(collected(delimitedMessages(chunksOf(bytes.subarray(0, start + 6), [1]), options))).rejects.toThrow(
      expected,
    );
  });
});

test('a Node stream is read as it comes', async () => {
  const bytes = Buffer.concat([framed('varint', Uint8Array.of(1)), framed('varint', new Uint8Array(200_000))]);
  const stream = Readable.from(chunksOf(bytes, [1000]));
  expect((await collected(delimitedMessages(stream))).map(({ length }) => length)).toEqual([1, 200_000]);
});

test('messages within a chunk are views of it', () => {
  const bytes = Buffer.concat([framed('varint', Uint8Array.of(1)), framed('varint', Uint8Array.of(2, 3))]);
  for (const message of delimitedMessages(bytes)) expect(message.buffer).toBe(bytes.buffer);
});

test.each<[string, number[], DelimitedOptions]>([
  ['a length as a varint', new Array(11).fill(0x80), {}],
  ['a message that is not compressed', [1, 0, 0, 0, 0], { framing: 'grpc' }],
  ['the prefix of a gRPC message', [2, 0, 0, 0, 0], { framing: 'grpc' }],
])('expects %s', (expected, bytes, options) => {
  expect(() => [...delimitedMessages(Uint8Array.from(bytes), options)]).toThrow(`byte 0: expected ${expected}`);
});

test('a framing that is none is refused', () => {
  expect(() => delimitedMessages(new Uint8Array(0), { framing: 'lines' as never })).toThrow(
    /framing: expected varint or uint32be/,
  );
});

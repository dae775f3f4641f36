import { crc32 } from 'node:zlib';
import { tableFromArrays } from 'apache-arrow';
import { expect, test } from 'vitest';
import { ColumnChecksums, StreamEncoder, type TableLike } from './index.js';
import { type HeapMessage, placed } from './testing/stream.js';

function checksumsOf(table: TableLike, change?: (messages: HeapMessage[]) => void) {
  const encoder = new StreamEncoder(table.schema);
  const outgoing = [encoder.schemaMessage, ...encoder.encode(table)];
  const incoming = outgoing.map(placed);
  change?.(incoming);
  return [outgoing, incoming].map((messages) => {
    const checksums = new ColumnChecksums(encoder.schema);
    for (const message of messages) checksums.add(message);
    return checksums.result();
  });
}

const hex = (...parts: ArrayBufferView[]) =>
  crc32(Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))))
    .toString(16)
    .padStart(8, '0');

const table = tableFromArrays({ n: Int32Array.of(1, 2, 3), s: ['ab', null, 'c'], b: [true, false, true] });
const [length, two] = [BigInt64Array.of(3n), BigInt64Array.of(2n)];

test('a column is the CRC-32 of length, validity, buffers, dictionary, in the order of section 9', () => {
  const dictionary = [two, Int32Array.of(0, 2, 3), Buffer.from('abc')];
  expect(checksumsOf(table)[0]).toEqual({
    0: hex(length, Int32Array.of(1, 2, 3)),
    1: hex(length, Uint8Array.of(0b101), Int32Array.of(0, 0, 1), ...dictionary),
    2: hex(length, Uint8Array.of(0b101)),
  });
});

test('producer and consumer agree, and one flipped bit in any buffer makes its column differ', () => {
  const [produced, consumed] = checksumsOf(table);
  expect(consumed).toEqual(produced);
  const buffersFrom = (message: HeapMessage) => new DataView(message.whole.buffer).getUint32(4, true) + 8;
  const [, changed] = checksumsOf(table, (messages) => {
    const batch = messages.at(-1)!;
    batch.whole[buffersFrom(batch)]! ^= 1;
  });
  expect(changed![0]).not.toBe(produced![0]);
  expect([changed![1], changed![2]]).toEqual([produced![1], produced![2]]);
  const [, dictionaryChanged] = checksumsOf(table, (messages) => {
    const dictionary = messages[1]!;
    dictionary.whole[dictionary.byteLength - 64]! ^= 1;
  });
  expect(dictionaryChanged![1]).not.toBe(produced![1]);
});

test('checksums carry on over batches', () => {
  const twice = table.concat(table);
  expect(checksumsOf(twice)[0]![0]).toBe(hex(length, Int32Array.of(1, 2, 3), length, Int32Array.of(1, 2, 3)));
});

test('bits past the end do not count, neither in a validity bitmap nor among booleans', () => {
  const [produced, changed] = checksumsOf(table, (messages) => {
    const { whole, byteLength } = messages.at(-1)!;
    for (const fromEnd of [192, 64]) whole[byteLength - fromEnd]! |= 0b1111_1000; // the validity of s, the values of b
  });
  expect(changed).toEqual(produced);
});

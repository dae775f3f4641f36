import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Vector } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ArrowlabError } from '../errors.js';
import { ColumnChecksums, readIpc } from './index.js';
import { PyArrow } from './testing/python.js';
import { decoded, HeapMessage, placed } from './testing/stream.js';

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-corruption-'));
const python = new PyArrow();
const inputs: Buffer[] = [];

const CASES = [
  'string',
  'struct of struct of list',
  'dense union',
  'sparse union',
  'map',
  'string_view',
  'dictionary of list of dictionary',
  'fixed list of bool',
  'large_list_view',
  'run_end_encoded',
  'null',
];

beforeAll(async () => {
  for (const name of CASES) {
    for (const format of ['stream', 'file']) {
      const path = join(folder, 'in.arrow');
      await python.ask('write', { case: name, path, format, options: {} });
      inputs.push(readFileSync(path));
    }
  }
});
afterAll(async () => {
  await python.close();
  rmSync(folder, { recursive: true });
});

/** Does to bytes what a consumer and a producer do, down to each value; true if nothing was wrong with them. */
function isReadable(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof ArrowlabError) return false;
    throw error;
  }
}

function readAll(bytes: Uint8Array): void {
  const { schema, messages } = readIpc(bytes, { validate: 'full' });
  const checksums = new ColumnChecksums(schema);
  const incoming: HeapMessage[] = [];
  for (const message of messages()) {
    checksums.add(message);
    if (message.byteLength < 2 ** 24) incoming.push(placed(message));
  }
  readValues(incoming);
}

function readValues(messages: HeapMessage[]): void {
  for (const batch of decoded(messages)) {
    // Rows without buffers cost a liar nothing.
    if (batch.numRows > 1000) continue;
    for (const column of batch.data.children) for (const value of new Vector([column])) String(value);
  }
}

/** A few bytes set to anything, or to what is often at the edge of something. */
const changes = fc.array(fc.tuple(fc.noBias(fc.nat()), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255))), {
  minLength: 1,
  maxLength: 4,
});

function changed(bytes: Uint8Array, list: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const [where, value] of list) copy[where % copy.length] = value;
  return copy;
}

test('a file or stream with any bytes changed is read or refused with an ArrowlabError', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(), changes, (which, list) => {
      const input = inputs[which % inputs.length]!;
      if (!isReadable(() => readAll(changed(input, list)))) refused++;
    }),
    { numRuns: 8_000 },
  );
  expect(refused).toBeGreaterThan(500);
});

test('a file cut off anywhere is refused; a stream is too, except where a message ends', () => {
  for (const input of inputs) {
    const isFile = input.subarray(0, 6).toString() === 'ARROW1';
    const step = Math.max(1, Math.floor(input.length / 150));
    for (let length = 0; length < input.length; length += step) {
      const isComplete = isReadable(() => readAll(input.subarray(0, length)));
      if (isFile) expect(isComplete).toBe(false);
    }
  }
});

test('messages with any bytes changed are decoded or refused with an ArrowlabError', () => {
  const streams = inputs
    .slice(0, 16)
    .map((bytes) => [...readIpc(bytes).messages()].map((message) => placed(message).whole));
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(), fc.nat(), changes, (which, at, list) => {
      const messages = [...streams[which % streams.length]!];
      messages[at % messages.length] = changed(messages[at % messages.length]!, list);
      if (!isReadable(() => readValues(messages.map((bytes) => new HeapMessage(bytes))))) refused++;
    }),
    { numRuns: 4_000 },
  );
  expect(refused).toBeGreaterThan(500);
});

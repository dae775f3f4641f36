import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ColumnChecksums, readIpc, StreamEncoder, StreamWriter } from './index.js';
import { PyArrow } from './testing/python.js';
import { decoded, placed, writeMessages } from './testing/stream.js';

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-roundtrip-'));
const [input, output] = [join(folder, 'in.arrow'), join(folder, 'out.arrows')];
const python = new PyArrow();
afterAll(async () => {
  await python.close();
  rmSync(folder, { recursive: true });
});

const { held, changing, foreign } = await python.ask<{ held: string[]; changing: string[]; foreign: string[] }>(
  'types',
);

/** Batches of a case, and what their producer and their consumer find as checksums. */
function readCase() {
  const { schema, messages } = readIpc(readFileSync(input));
  const outgoing = [...messages()];
  const incoming = outgoing.map(placed);
  const [produced, consumed] = [new ColumnChecksums(schema), new ColumnChecksums(schema)];
  for (const message of outgoing) produced.add(message);
  for (const message of incoming) consumed.add(message);
  expect(consumed.result()).toEqual(produced.result());
  return decoded(incoming);
}

async function expectSlicesToArrive(name: string, slices: [batch: number, begin: number, length: number][]) {
  await python.ask('write', { case: name, path: input, format: 'stream', options: {} });
  const batches = readCase();
  const cuts = slices.map(([batch, begin, length]) => batches[batch]!.slice(begin, begin + length));
  const fd = openSync(output, 'w');
  const writer = new StreamWriter(fd, batches[0]!.schema);
  for (const cut of cuts) writer.write(cut);
  writer.end();
  closeSync(fd);
  expect((await python.ask('equal', { case: name, path: output, slices })).difference).toBeNull();

  // The same through our own decoder, and once more through the encoder: nothing is lost on the way back.
  const again = decoded([...messagesOf(cuts)].map(placed));
  writeMessages(output, messagesOf(again));
  expect((await python.ask('equal', { case: name, path: output, slices })).difference).toBeNull();
}

function* messagesOf(batches: Parameters<StreamEncoder['encode']>[0][]) {
  const encoder = new StreamEncoder(batches[0]!.schema);
  yield encoder.schemaMessage;
  for (const batch of batches) yield* encoder.encode(batch);
}

test.each([...held, ...changing])('%s: batches and odd slices that Node writes are what pyarrow made', async (name) => {
  const whole: [number, number, number][] = [
    [0, 0, 101],
    [1, 0, 0],
    [2, 0, 9],
  ];
  await expectSlicesToArrive(name, whole);
  await expectSlicesToArrive(name, [
    [0, 1, 100],
    [0, 3, 8],
    [0, 8, 16],
    [0, 13, 1],
    [0, 50, 0],
    [0, 0, 37],
    [2, 5, 3],
  ]);
});

test('random schemas and rows, sliced anywhere, arrive as pyarrow made them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1_000_000),
      fc.array(fc.tuple(fc.nat(2), fc.nat(33), fc.nat(33)), { minLength: 1, maxLength: 4 }),
      async (seed, cuts) => {
        const name = `random ${seed}`;
        const { rows } = await python.ask<{ rows: number[] }>('write', {
          case: name,
          path: input,
          format: 'stream',
          options: {},
        });
        const slices = cuts.map(([batch, begin, length]): [number, number, number] => {
          const start = Math.min(begin, rows[batch]!);
          return [batch, start, Math.min(length, rows[batch]! - start)];
        });
        await expectSlicesToArrive(name, slices);
      },
    ),
    { numRuns: 60 },
  );
});

test.each([...held, ...foreign])(
  '%s: a file and a stream of pyarrow pass through, from bytes and from a descriptor',
  async (name) => {
    for (const format of ['stream', 'file']) {
      await python.ask('write', { case: name, path: input, format, options: {} });
      const fd = openSync(input, 'r');
      for (const source of [fd, readFileSync(input)]) {
        writeMessages(output, readIpc(source, { validate: 'full' }).messages());
        expect((await python.ask('equal', { case: name, path: output })).difference).toBeNull();
      }
      closeSync(fd);
    }
  },
);

test.each(['lz4', 'zstd'])('bodies compressed by %s pass through', async (compression) => {
  for (const name of ['string', 'list of dictionary', 'string_view', 'dense union']) {
    await python.ask('write', { case: name, path: input, format: 'file', options: { compression } });
    writeMessages(output, readIpc(readFileSync(input)).messages());
    expect((await python.ask('equal', { case: name, path: output })).difference).toBeNull();
  }
});

test.each([true, false])('metadata of version V4 and the prefix of before 0.15 (%s) pass through', async (legacy) => {
  const options = { use_legacy_format: legacy, metadata_version: 'V4' };
  await python.ask('write', { case: 'struct', path: input, format: 'stream', options });
  writeMessages(output, readIpc(readFileSync(input)).messages());
  expect((await python.ask('equal', { case: 'struct', path: output })).difference).toBeNull();
});

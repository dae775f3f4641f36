import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { Builder } from 'flatbuffers';
import { afterAll, expect, test } from 'vitest';
import { heapSink, type OutgoingMessage, readIpc, type Sink } from './index.js';
import { writeMessage } from './metadata.js';
import { decoded, placed } from './testing/stream.js';

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-reader-'));
const path = join(folder, 'in.arrow');
afterAll(() => rmSync(folder, { recursive: true }));

const table = tableFromArrays({
  n: Float64Array.from({ length: 1000 }, (_, i) => i),
  s: Array.from({ length: 1000 }, (_, i) => `row ${i}`),
});
const stream = tableToIPC(table, 'stream');
const file = tableToIPC(table, 'file');

function withFile<T>(bytes: Uint8Array, use: (fd: number) => T): T {
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

const codeOf = (code: string) => expect.objectContaining({ code: `ERR_ARROWLAB_${code}` });

test('streams and files that apache-arrow wrote are read, from bytes and from a descriptor', () => {
  for (const bytes of [stream, file]) {
    for (const messages of [
      [...readIpc(bytes).messages()].map(placed),
      withFile(bytes, (fd) => [...readIpc(fd).messages()].map(placed)),
    ]) {
      expect(decoded(messages).flatMap((batch) => batch.toArray().map((row) => row.toJSON()))).toEqual(
        table.toArray().map((row) => row.toJSON()),
      );
    }
  }
});

test('buffers go from the file to the sink directly, to places that are multiples of 64', () => {
  withFile(stream, (fd) => {
    for (const message of [...readIpc(fd).messages()].slice(1)) {
      const reads: { offset: number; byteLength: number }[] = [];
      const heap = heapSink(message.byteLength);
      const sink: Sink = {
        write: (offset, bytes) => {
          expect(offset).toBe(0);
          heap.write(offset, bytes);
        },
        readFrom: (from, position, offset, byteLength) => {
          reads.push({ offset, byteLength });
          heap.readFrom(from, position, offset, byteLength);
        },
      };
      message.placeInto(sink);
      expect(reads.length).toBeGreaterThan(0);
      for (const { offset } of reads) expect(offset % 64).toBe(0);
    }
  });
});

test('a pipe, a closed descriptor and something else are refused by name', () => {
  const pipe = openSync('/dev/null', 'r');
  expect(() => readIpc(pipe)).toThrow(codeOf('INVALID_ARGUMENT'));
  closeSync(pipe);
  expect(() => readIpc(pipe)).toThrow(codeOf('SYSTEM'));
  expect(() => readIpc('path' as unknown as number)).toThrow(codeOf('INVALID_ARGUMENT'));
});

test('big-endian data is refused', () => {
  const builder = new Builder();
  builder.startObject(4);
  builder.addFieldInt16(0, 1, 0);
  const bytes = writeMessage(builder, 1, builder.endObject());
  expect(() => readIpc(bytes)).toThrow(codeOf('IPC_INVALID'));
  expect(() => readIpc(bytes)).toThrow(/little-endian.*big-endian/);
});

test('what is not Arrow is refused, and says where', () => {
  for (const bytes of [
    new Uint8Array(0),
    Buffer.from('PAR1 this is no Arrow file PAR1'),
    new Uint8Array(100).fill(255),
    Buffer.from('ARROW1'),
  ]) {
    expect(() => readIpc(bytes)).toThrow(codeOf('IPC_INVALID'));
  }
  const cut = stream.subarray(0, stream.length - 200);
  expect(() => [...readIpc(cut).messages()]).toThrow(/^message 2 at byte \d+: .*cut off/);
});

test('a footer whose blocks lie outside the file is refused', () => {
  const messages: string[] = [];
  for (let position = file.length - 400; position < file.length - 18; position += 2) {
    const changed = Buffer.from(file);
    changed.writeBigInt64LE(2n ** 40n, position);
    try {
      for (const message of readIpc(changed).messages()) placed(message);
    } catch (error) {
      messages.push((error as Error).message);
    }
  }
  expect(messages).toContainEqual(
    expect.stringMatching(/^the footer: expected block \d of the footer before byte \d+, found bytes 1099511627776 to/),
  );
});

test('a stream needs no end-of-stream marker, and what follows one is not read', () => {
  const rows = (messages: Iterable<OutgoingMessage>) =>
    [...messages].filter(({ kind }) => kind === 'batch').reduce((sum, message) => sum + message.rows, 0);
  expect(rows(readIpc(stream.subarray(0, stream.length - 8)).messages())).toBe(1000);
  expect(rows(readIpc(Buffer.concat([stream, Buffer.from('anything')])).messages())).toBe(1000);
});

test('a file that shrinks while it is read is refused', () => {
  writeFileSync(path, stream);
  const fd = openSync(path, 'r');
  const [, batch] = [...readIpc(fd).messages()];
  writeFileSync(path, stream.subarray(0, 600));
  expect(statSync(path).size).toBe(600);
  expect(() => placed(batch!)).toThrow(codeOf('IPC_INVALID'));
  closeSync(fd);
});

test('the real file that comes with vega-datasets is read', () => {
  const flights = readFileSync(new URL('../../node_modules/vega-datasets/data/flights-200k.arrow', import.meta.url));
  const batches = decoded([...readIpc(flights, { validate: 'full' }).messages()].map(placed));
  expect(batches.reduce((rows, batch) => rows + batch.numRows, 0)).toBe(200_000);
  expect(batches[0]!.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'delay Int16',
    'distance Int16',
    'time Float32',
  ]);
});

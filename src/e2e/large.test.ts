import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Field, Float64, makeData, RecordBatch, Schema, Struct, Table } from 'apache-arrow';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ColumnChecksums, StreamEncoder } from '../ipc/index.js';
import {
  openSource,
  type PeerCommand,
  type PeerLanguage,
  peerCommand,
  runTransfer,
  SharedWay,
  type TransferSource,
} from '../profile/index.js';
import { findPython } from '../sidecar/index.js';
import { installed } from './installed.js';

const GIB = 2 ** 30;
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PEERS = ['python', 'rust', 'node'] as const;
const commandOf = (peer: PeerLanguage): PeerCommand =>
  peer === 'node' ? { command: process.execPath, args: [at('../../dist/profile/peer.js')] } : peerCommand(peer);

const transfer = (command: PeerCommand, source: TransferSource) =>
  runTransfer(new SharedWay(command, { maxBytes: 6 * GIB }), source, {
    consumers: 1,
    sleepMs: 0,
    signal: new AbortController().signal,
  });

/** One batch on the heap of three columns, 2.25 GiB in all. */
function largeTable(): TransferSource {
  const length = (0.75 * GIB) / 8;
  const schema = new Schema(['a', 'b', 'c'].map((name) => new Field(name, new Float64(), false)));
  const children = schema.fields.map((_, i) =>
    makeData({ type: new Float64(), length, data: new Float64Array(length).fill(i + 0.25) }),
  );
  const table = new Table([
    new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children })),
  ]);
  const encoder = new StreamEncoder(schema);
  const messages = () => encoder.encode(table);
  return {
    label: '2.25 GiB on the heap',
    messages,
    publish: (server, name) => server.publish(name, table),
    checksums() {
      const checksums = new ColumnChecksums(encoder.schema);
      for (const message of messages()) checksums.add(message);
      return checksums.result();
    },
    close: () => {},
  };
}

const folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
const file = join(folder, 'large.arrows');
beforeAll(async () => {
  const { command: python, args } = findPython();
  await execa(python, [...args, at('./large_file.py'), file]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe.for(PEERS)('one record batch to %s', (peer) => {
  beforeEach((test) => test.skip(!installed[peer]));

  it('of more than 2 GiB arrives from the heap as it is', { timeout: 120_000 }, async () => {
    const report = await transfer(commandOf(peer), largeTable());
    expect(report).toMatchObject({ batches: 1, checksumsEqual: true, bytesCopied: 0 });
    expect(report.payloadBytes).toBeGreaterThan(2.2 * GIB);
  });

  it('of more than 4 GiB arrives from a file as it is', { timeout: 120_000 }, async () => {
    const source = openSource({ file, batchRows: 1 });
    const report = await transfer(commandOf(peer), source);
    source.close();
    expect(report).toMatchObject({ batches: 1, checksumsEqual: true, bytesCopied: 0 });
    expect(report.payloadBytes).toBeGreaterThan(4.3 * GIB);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.js';
import { connect } from '../index.js';
import { findPython } from '../sidecar/index.js';

const rawPeer = fileURLToPath(new URL('./raw_peer.py', import.meta.url));
const numberOf = (name: string) => ERRORS.find((error) => error.name === name)!.number;

const frame = (type: number, ...fields: (number | bigint)[]) => {
  const bytes = Buffer.alloc(8 + fields.reduce((sum: number, field) => sum + (typeof field === 'bigint' ? 8 : 4), 0));
  bytes.writeUInt32LE(bytes.length, 0);
  bytes[4] = type;
  let at = 8;
  for (const field of fields)
    at = typeof field === 'bigint' ? bytes.writeBigUInt64LE(field, at) : bytes.writeUInt32LE(field, at);
  return bytes.toString('hex');
};
const READY = frame(0x01, 0, 0, 0n);
const OPEN = frame(0x20, 1, 0, 0n);
const descriptor = (sequence: bigint, lease: bigint, offset: bigint, length: bigint) =>
  frame(0x21, 1, 0, sequence, lease, offset, length);
const inline = (sequence: bigint, ...words: number[]) => frame(0x22, 1, 0, sequence, ...words);

describe('a consumer in Node', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
    path = join(folder, 'raw.sock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['an extent beyond the region', OPEN + descriptor(0n, 1n, 1n << 20n, 64n), 'EXTENT_BOUNDS'],
    ['an extent that ends beyond the region', OPEN + descriptor(0n, 1n, 4096n, 1n << 20n), 'EXTENT_BOUNDS'],
    ['a wild extent', OPEN + descriptor(0n, 1n, 4096n, 2n ** 64n - 4096n), 'EXTENT_BOUNDS'],
    ['an extent inside a page', OPEN + descriptor(0n, 1n, 64n, 64n), 'EXTENT_BOUNDS'],
    ['an extent of 7 bytes', OPEN + descriptor(0n, 1n, 4096n, 7n), 'EXTENT_BOUNDS'],
    ['a message out of order', OPEN + descriptor(1n, 1n, 4096n, 64n), 'SEQUENCE'],
    ['an end that counts wrong', OPEN + frame(0x23, 1, 0, 5n), 'SEQUENCE'],
    ['a message before OPEN', descriptor(0n, 1n, 4096n, 64n), 'STREAM_STATE'],
    ['OPEN twice', OPEN + OPEN, 'STREAM_STATE'],
    ['CANCELLED without a CANCEL', OPEN + frame(0x25, 1, 0), 'STREAM_STATE'],
    ['a stream that nobody asked for', frame(0x20, 3, 0, 0n), 'STREAM_STATE'],
    ['zeros as its schema', OPEN + descriptor(0n, 1n, 4096n, 64n), 'IPC_INVALID'],
    ['a marker with no metadata as its schema', OPEN + inline(0n, 0xffffffff, 0), 'IPC_INVALID'],
  ])('ends a connection whose producer sends %s, and says why to both', async (_, frames, name) => {
    const { command, args } = findPython();
    const raw = execa(command, [...args, rawPeer, '--serve', path, 'good', READY, frames]);
    await new Promise((resolve) => createInterface({ input: raw.stdout }).once('line', resolve));
    const peer = await connect(path);
    const failure = await peer
      .subscribe('prices')
      .next()
      .catch((error) => error);
    expect(failure.code).toBe(`ERR_ARROWLAB_${name}`);
    await peer.close();
    const { frames: told } = JSON.parse((await raw).stdout.split('\n')[1]!) as { frames: [number, number, string][] };
    expect(told.find(([type]) => type === 0x02)?.[1]).toBe(numberOf(name));
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeVector, Table } from 'apache-arrow';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.js';
import { connect, listen, type Server } from '../index.js';
import { findPython } from '../sidecar/index.js';

const rawPeer = fileURLToPath(new URL('./raw_peer.py', import.meta.url));
const numberOf = (name: string) => ERRORS.find((error) => error.name === name)!.number;

/** Frames as hex, written by hand so that they can be wrong. */
const frame = (type: number, fields: Buffer, length = 8 + fields.length) => {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(length, 0);
  header[4] = type;
  return Buffer.concat([header, fields]).toString('hex');
};
const u32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: bigint[]) => Buffer.from(BigUint64Array.from(values).buffer);
const READY = frame(0x01, Buffer.alloc(16));
const subscribe = (stream: number, name = 'flights') =>
  frame(0x10, Buffer.concat([u32(stream, 64), Buffer.from(name)]));

describe('a server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  const path = join(folder, 'server.sock');
  let server: Server;
  const refusals: string[] = [];
  beforeAll(async () => {
    server = await listen({ path });
    server.on('refused', ({ code }) => refusals.push(code));
    server.on('gone', (_, error) => error && refusals.push(error.code));
    await server.publish('flights', new Table({ delay: makeVector(Int32Array.of(1, 2, 3)) }));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** What a peer is told that sends this; on the way, that everybody else is still served. */
  async function verdict(
    scenario: string,
    frames = '',
  ): Promise<{ error: number | undefined; message: string; closed: boolean }> {
    const raw = execa(findPython().command, [rawPeer, path, scenario, frames]);
    const peer = await connect(path);
    expect((await peer.readAll('flights')).numRows).toBe(3);
    await peer.close();
    const { frames: received, closed } = JSON.parse((await raw).stdout) as {
      frames: [number, number, string][];
      closed: boolean;
    };
    const error = received.find(([type]) => type === 0x02);
    return { error: error?.[1], message: error?.[2] ?? '', closed };
  }

  it.each([
    ['http', 'NOT_ARROWLAB'],
    ['newer-major', 'VERSION_UNSUPPORTED'],
    ['malformed', 'HELLO_MALFORMED'],
    ['half', 'HELLO_MALFORMED'],
    ['silence', 'HELLO_TIMEOUT'],
    ['no-fd', 'REGION_MISSING'],
    ['two-fds', 'REGION_MISSING'],
    ['pipe', 'REGION_NOT_MEMFD'],
    ['file', 'REGION_NOT_MEMFD'],
    ['writable', 'REGION_WRITABLE'],
    ['unsealed', 'REGION_UNSEALED'],
    ['short', 'REGION_SIZE'],
  ])('refuses a HELLO that is %s with %s, on both sides, and serves the others', async (scenario, name) => {
    refusals.length = 0;
    const { error, message, closed } = await verdict(scenario);
    expect({ error, closed }).toEqual({ error: numberOf(name), closed: true });
    expect(message).toContain('expected');
    expect(refusals).toEqual([`ERR_ARROWLAB_${name}`]);
  });

  it.each([
    ['a wild length', frame(0x03, Buffer.alloc(0), 0xffffffff), 'FRAME_LENGTH'],
    ['an unknown type', frame(0x66, Buffer.alloc(0)), 'FRAME_TYPE'],
    ['flags', '0800000003010000', 'FRAME_FIELD'],
    ['a frame before READY', subscribe(1), 'STREAM_STATE', ''],
    ['READY twice', READY, 'STREAM_STATE'],
    ['a stream number of the wrong parity', subscribe(2), 'STREAM_STATE'],
    ['a stream number again', subscribe(1) + subscribe(1), 'STREAM_STATE'],
    ['credit for a stream that never was', frame(0x11, u32(7, 1)), 'STREAM_STATE'],
    ['a cancel for a stream that never was', frame(0x13, u32(9, 0)), 'STREAM_STATE'],
    ['a release of a lease it does not hold', frame(0x12, u64(77n)), 'LEASE_UNKNOWN'],
    ['a wild lease', frame(0x12, u64(2n ** 64n - 1n)), 'LEASE_UNKNOWN'],
    ['more credit than there may be', subscribe(1, 'nothing') + frame(0x11, u32(1, 0xffffffff)), 'CREDIT_EXCEEDED'],
    [
      'a descriptor for a stream that nobody asked for',
      frame(0x21, Buffer.concat([u32(2, 0), u64(0n, 1n, 0n, 64n)])),
      'STREAM_STATE',
    ],
    ['CLOSING twice', frame(0x03, Buffer.alloc(0)).repeat(2), 'STREAM_STATE'],
  ])('ends a connection that sends %s by a numbered error', async (_, frames, name, greeting = READY) => {
    refusals.length = 0;
    const { error, closed } = await verdict('good', greeting + frames);
    expect({ error, closed }).toEqual({ error: numberOf(name), closed: true });
    await expect.poll(() => refusals).toEqual([`ERR_ARROWLAB_${name}`]);
  });

  it('answers a call with NOT_SERVED and 1,025 subscriptions with TOO_MANY_STREAMS, and goes on', async () => {
    const call = frame(0x15, Buffer.concat([u32(1, 64, 3, 0), Buffer.from('sum')]));
    expect(await verdict('good', READY + call)).toMatchObject({ error: numberOf('NOT_SERVED'), closed: false });
    const many = Array.from({ length: 1_025 }, (_, i) => subscribe(2 * i + 1, 'nothing')).join('');
    expect(await verdict('good', READY + many)).toMatchObject({ error: numberOf('TOO_MANY_STREAMS'), closed: false });
  });
});

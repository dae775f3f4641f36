import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.js';
import { listen, type PeerIdentity, type Server } from '../index.js';
import { findPython } from '../sidecar/index.js';

interface Vector {
  name: string;
  fields: { major: number; minor: number; features: string; regionSize: string; pid: number; name: string };
  hex: string;
  crc32: string;
  error: string;
}
const vectors: { valid: Vector[]; invalid: Vector[] } = JSON.parse(
  readFileSync(new URL('../wire/vectors/hello.json', import.meta.url), 'utf8'),
);
const rawPeer = fileURLToPath(new URL('./raw_peer.py', import.meta.url));
const READY = '180000000100000000000000000000000000000000000000';
const GIB = 2 ** 30;

/** The HELLO of these fields, laid out by hand after PROTOCOL.md, section 3. */
function layOut({ major, minor, features, regionSize, pid, name }: Vector['fields']): string {
  const bytes = Buffer.alloc(128);
  bytes.write('ARROWLAB');
  bytes.writeUInt16LE(major, 8);
  bytes.writeUInt16LE(minor, 10);
  bytes.writeUInt32LE(128, 12);
  bytes.writeBigUInt64LE(BigInt(features), 16);
  bytes.writeBigUInt64LE(BigInt(regionSize), 24);
  bytes.writeUInt32LE(pid, 32);
  bytes.writeUInt32LE(Buffer.byteLength(name), 36);
  bytes.write(name, 40);
  return bytes.toString('hex');
}

describe('HELLO', () => {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  const path = join(folder, 'server.sock');
  const met: PeerIdentity[] = [];
  let server: Server;
  beforeAll(async () => {
    server = await listen({ path, name: 'ünder test' });
    server.on('peer', (peer) => met.push(peer));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** Greets the server with these bytes and a region of the size they announce, or of 1 MiB. */
  async function greet({ hex, fields }: Vector): Promise<{ hello: string; frames: [number, number, string][] }> {
    const { stdout } = await execa(findPython().command, [
      rawPeer,
      path,
      `hello:${hex}:${fields?.regionSize ?? 2 ** 20}`,
      READY,
    ]);
    return JSON.parse(stdout);
  }

  it.each([...vectors.valid, ...vectors.invalid])('vector "$name" is as it was written', ({ hex, crc32: sum }) => {
    expect(crc32(Buffer.from(hex, 'hex')).toString(16).padStart(8, '0')).toBe(sum);
  });

  it.each(vectors.valid)('"$name" is laid out as specified, taken, and answered by READY', async (vector) => {
    expect(layOut(vector.fields)).toBe(vector.hex);
    met.length = 0;
    const { hello, frames } = await greet(vector);
    expect(frames).toEqual([[0x01, 0, '']]);
    expect(met.map(({ name }) => name)).toEqual([vector.fields.name]);
    const own = {
      major: 1,
      minor: 0,
      features: '0',
      regionSize: String(64 * GIB),
      pid: process.pid,
      name: 'ünder test',
    };
    expect(hello).toBe(layOut(own));
  });

  it.each(vectors.invalid)('"$name" is refused by its number', async (vector) => {
    const { frames } = await greet(vector);
    const { number } = ERRORS.find(({ name }) => name === vector.error)!;
    expect(frames.map(([type, error]) => [type, error])).toEqual([[0x02, number]]);
  });
});

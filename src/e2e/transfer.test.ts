import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { TransferReport } from '../profile/index.js';
import { findPython } from '../sidecar/index.js';
import { installed } from './installed.js';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const alab = at('../../dist/cli/alab.js');
const everyType = at('./every_type.py');
const python = findPython();
const folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
const output = join(folder, 'received.arrows');
const PEERS = ['python', 'rust', 'node'] as const;
const MIB = 2 ** 20;

await execa(python.command, [...python.args, everyType, 'write', folder]);
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  report: TransferReport & { error?: { code: string; message: string } };
  exitCode: number | undefined;
}

async function transfer(...args: string[]): Promise<Result> {
  const { stdout, exitCode } = await execa(process.execPath, [alab, 'ipc', 'transfer-recordbatch', '--json', ...args], {
    reject: false,
  });
  return { report: JSON.parse(stdout), exitCode };
}

/** The exit of `every_type.py compare`, which reads both with pyarrow and compares every value. */
async function compare(one: string, other: string): Promise<string> {
  const { stdout, stderr } = await execa(python.command, [...python.args, everyType, 'compare', one, other], {
    reject: false,
  });
  return stdout || stderr;
}

describe.for(PEERS)('transfer-recordbatch to %s', (peer) => {
  beforeEach((test) => test.skip(!installed[peer]));

  it('moves the flights in place: checksums equal, no byte copied', async () => {
    const { report, exitCode } = await transfer('--peer', peer);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ rows: 200_000, checksumsEqual: true, bytesCopied: 0 });
    expect(report.peers[0]!.buffersInMap).toBe(report.peers[0]!.buffers);
    expect(report.peers[0]!.checksums).toEqual(report.checksums);
  });

  it('moves 1 GiB in several batches, in place, and pays for the memory once', async () => {
    const { report } = await transfer('--peer', peer, '--rows', '26760000', '--batch-rows', '9000000');
    expect(report).toMatchObject({ batches: 3, checksumsEqual: true, bytesCopied: 0 });
    expect(report.payloadBytes).toBeGreaterThan(1020 * MIB);
    expect(report.pssGrowthBytes).toBeLessThan(1.1 * report.payloadBytes);
  });

  it.each(['node-types.arrows', 'node-types.arrow', 'node-small.arrows', 'deltas.arrows'])(
    'keeps every value of %s, inline and in the region',
    async (name) => {
      for (const inlineBelow of ['0', '65536']) {
        const { report } = await transfer(
          '--peer',
          peer,
          '--file',
          join(folder, name),
          '--output',
          output,
          '--inline-below',
          inlineBelow,
          '--validate',
          'full',
        );
        expect(report).toMatchObject({ checksumsEqual: true });
        expect(await compare(join(folder, name), output)).toBe('equal');
        const hasDeltas = name === 'deltas.arrows'; // Arrow concatenates these, and the report says so
        if (inlineBelow === '0' && !hasDeltas) expect(report.bytesCopied).toBe(0);
        if (name === 'node-small.arrows' && inlineBelow !== '0')
          expect(report.peers[0]!.inlineBytes).toBeGreaterThan(0);
      }
    },
  );

  it('reports a peer that copies', async () => {
    if (peer !== 'node')
      expect((await transfer('--peer', peer, '--copy')).report.bytesCopied).toBeGreaterThan(1_500_000);
    const { report } = await transfer('--peer', peer, '--rows', '3000000', '--copy');
    expect(report.checksumsEqual).toBe(true);
    expect(report.bytesCopied).toBeGreaterThan(report.payloadBytes * 0.8);
  });

  it('has the same job done by copying, and says what that copies', async () => {
    const { stdout } = await execa(process.execPath, [
      alab,
      'ipc',
      'transfer-recordbatch-as-byte-stream',
      '--json',
      '--peer',
      peer,
      '--rows',
      '3000000',
    ]);
    const report: TransferReport = JSON.parse(stdout);
    expect(report).toMatchObject({ way: 'copied', rows: 3_000_000, checksumsEqual: true });
    expect(report.bytesCopied).toBeGreaterThan(report.payloadBytes * 0.9);
  });
});

describe.for(['python', 'rust'] as const)('transfer-recordbatch to %s', (peer) => {
  beforeEach((test) => test.skip(!installed[peer]));

  it.each(['every-type.arrows', 'every-type.arrow', 'small.arrows', 'empty.arrows', 'no-batches.arrows'])(
    'keeps every type of %s in place',
    async (name) => {
      const { report } = await transfer(
        '--peer',
        peer,
        '--file',
        join(folder, name),
        '--output',
        output,
        '--inline-below',
        '0',
      );
      expect(report).toMatchObject({ checksumsEqual: true, bytesCopied: 0 });
      expect(await compare(join(folder, name), output)).toBe('equal');
    },
  );

  it.each(['lz4.arrows', 'zstd.arrows'])('passes the compressed bodies of %s on', async (name) => {
    const { report } = await transfer('--peer', peer, '--file', join(folder, name), '--output', output);
    expect(report.checksumsEqual).toBe(null); // only the peer can open them
    expect(await compare(join(folder, name), output)).toBe('equal');
  });
});

describe('transfer-recordbatch', () => {
  it('lets 4 and 16 peers read the same extents: one payload in all', async () => {
    for (const consumers of [4, 16]) {
      const { report } = await transfer('--consumers', String(consumers), '--rows', '5000000');
      expect(report.peers).toHaveLength(consumers);
      expect(report).toMatchObject({ checksumsEqual: true, bytesCopied: 0 });
      expect(report.pssGrowthBytes).toBeLessThan(1.3 * report.payloadBytes);
    }
  });

  it('says by name what Node cannot hold', async () => {
    const types = await transfer('--peer', 'node', '--file', join(folder, 'every-type.arrows'));
    expect(types.exitCode).toBe(1);
    expect(types.report.error).toMatchObject({
      code: 'ERR_ARROWLAB_PEER_FAILED',
      message: expect.stringContaining('TYPE_UNSUPPORTED'),
    });
  });

  it.each([
    ['a file cut off in a body', (bytes: Buffer) => bytes.subarray(0, bytes.length - 5_000)],
    ['a file cut off in its schema', (bytes: Buffer) => bytes.subarray(0, 100)],
    ['zeros', (bytes: Buffer) => bytes.fill(0)],
    ['text', () => Buffer.from('year,month\n2001,1\n'.repeat(100))],
    ['nothing', () => Buffer.alloc(0)],
  ])('refuses %s by name, with exit code 1', async (_, spoil) => {
    const path = join(folder, 'spoilt.arrows');
    writeFileSync(path, spoil(readFileSync(join(folder, 'node-types.arrows'))));
    const { report, exitCode } = await transfer('--file', path);
    expect(exitCode).toBe(1);
    expect(report.error).toMatchObject({
      code: 'ERR_ARROWLAB_IPC_INVALID',
      message: expect.stringContaining('expected'),
    });
  });

  it.each([
    [['--peer', 'cobol'], 2],
    [['--consumers', '0'], 2],
    [['--rows', 'many'], 2],
    [['--sleep', '-1'], 2],
    [['--file', '/no/such/file.arrow'], 1],
    [['--rows', '10', '--max-bytes', 'lots'], 1],
    [['--python', '/no/such/python'], 1],
  ])('refuses %j with exit code %i', async (args, code) => {
    const { exitCode, stderr } = await execa(process.execPath, [alab, 'ipc', 'transfer-recordbatch', ...args], {
      reject: false,
    });
    expect(exitCode).toBe(code);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr.length).toBeGreaterThan(10);
  });

  it('cleans up at Ctrl-C: its peers end, too', async () => {
    const child = execa(process.execPath, [alab, 'ipc', 'transfer-recordbatch', '--rows', '100000', '--sleep', '60'], {
      reject: false,
    });
    let pid = 0;
    for await (const line of createInterface({ input: child.stderr })) {
      pid = Number(/pids (\d+)/.exec(line)?.[1]);
      if (pid) break;
    }
    process.kill(child.pid!, 'SIGINT');
    const { exitCode } = await child;
    expect(exitCode).toBe(130);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

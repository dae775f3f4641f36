import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeVector, Table } from 'apache-arrow';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { listen } from '../index.js';
import { findPython } from '../sidecar/index.js';

/** Holds a batch while its socket is shut down. */
const HOLD = `
import socket, sys, time, arrowlab
ours = socket.socket(socket.AF_UNIX)
ours.connect(sys.argv[1])
peer = arrowlab.connect(fd=ours.dup().detach())
batch = next(peer.subscribe("prices"))
print("held", flush=True)
ours.shutdown(socket.SHUT_RDWR)
time.sleep(60)
`;

it('keeps what a peer leases although its socket is closed, until its process is dead', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  const path = join(folder, 'server.sock');
  const server = await listen({ path, inlineBelow: 0 });
  await server.publish('prices', new Table({ n: makeVector(new Int32Array(10_000)) }));
  const { command, args } = findPython();
  const child = execa(command, [...args, '-c', HOLD, path], { reject: false, stderr: 'inherit' });
  await once(child.stdout, 'data');
  server.unpublish('prices');
  await sleep(300);
  expect(server.stats().usedBytes).toBeGreaterThanOrEqual(40_000);
  child.kill('SIGKILL');
  await expect.poll(() => server.stats().usedBytes, { timeout: 5_000 }).toBe(0);
  await server.close();
  rmSync(folder, { recursive: true });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { expect, it } from 'vitest';
import { prices, useBridge } from './bridge.js';

const bridge = useBridge();

/** Holds a batch while its socket is shut down. */
const HOLD = `
import socket
ours = socket.socket(socket.AF_UNIX)
ours.connect(path)
peer = arrowlab.connect(fd=ours.dup().detach())
batch = next(peer.subscribe("prices"))
say("held")
ours.shutdown(socket.SHUT_RDWR)
time.sleep(60)
`;

it('keeps what a peer leases although its socket is closed, until its process is dead', async () => {
  const server = await bridge.serve();
  await server.publish('prices', new Table([prices(10_000)]));
  const holder = bridge.python(HOLD);
  await holder.line();
  server.unpublish('prices');
  await sleep(300);
  expect(server.stats().usedBytes).toBeGreaterThanOrEqual(80_000);
  await holder.kill();
  await expect.poll(() => server.stats().usedBytes, { timeout: 5_000 }).toBe(0);
});

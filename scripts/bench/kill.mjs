// How long after kill -9 of a consumer that holds 512 MiB in leases the producer has the memory free again.
import { setTimeout as sleep } from 'node:timers/promises';
import { benchPeers } from './peers.mjs';
import { bytesText, msText } from './report.mjs';
import { median, quantile } from './statistics.mjs';
import { batchOf } from './tables.mjs';
import { openShared } from './ways.mjs';

const MIB = 2 ** 20;
const BATCHES = 8;
const BATCH_BYTES = 64 * MIB;
const HELD_BYTES = BATCHES * BATCH_BYTES;
const TIMES = 10;
const PATIENCE_MS = 10_000;

/** In ns. */
async function killOne(peerKind, batch) {
  const { peer, server, send } = await openShared(peerKind, {
    every: BATCHES,
    read: 'keep',
    maxBytes: HELD_BYTES + 64 * MIB,
  });
  await send(batch, BATCHES);
  await peer.mark();
  const held = server.stats().usedBytes;
  if (held < HELD_BYTES) throw new Error(`expected ${HELD_BYTES} bytes in use, found ${held}`);
  const begin = process.hrtime.bigint();
  peer.child.kill('SIGKILL');
  const deadline = performance.now() + PATIENCE_MS;
  while (server.stats().usedBytes > 0) {
    if (performance.now() > deadline) throw new Error(`expected free memory within ${PATIENCE_MS} ms, found none`);
    await sleep(1);
  }
  const freeNs = Number(process.hrtime.bigint() - begin);
  await peer.child;
  await server.close();
  return freeNs;
}

export async function run(report) {
  const batch = batchOf(BATCH_BYTES);
  const rows = [];
  for (const peer of benchPeers()) {
    const times = [];
    for (let i = 0; i < TIMES; i++) times.push(await killOne(peer, batch));
    rows.push([peer.language, ...[median(times), quantile(times, 0), quantile(times, 1)].map(msText)]);
    report.figure(`${peer.language} consumer killed, until the memory is free`, median(times) / 1e6, { unit: 'ms' });
  }
  report.table(
    `kill -9 of a consumer with ${bytesText(HELD_BYTES)} in leases, ms until they are free, of ${TIMES}`,
    ['consumer', 'median', 'least', 'most'],
    rows,
  );
}

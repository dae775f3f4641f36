// What 1, 4 and 16 consumers that all hold a 512 MiB table cost in memory: Pss of all processes while they hold it, less Pss of the same processes
// just before. The producer's own copy on the heap is gone both times. Beside it the copying way: every consumer has its own.
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { memoryOf } from '../../dist/profile/memory.js';
import { collectGarbage } from './meter.mjs';
import { benchPeers } from './peers.mjs';
import { bytesText } from './report.mjs';
import { batchOf } from './tables.mjs';
import { openShared, openSocket } from './ways.mjs';

const MIB = 2 ** 20;
const TABLE_BYTES = 512 * MIB;
const BATCHES = 8;
const COUNTS = [1, 4, 16];
const TARGET = 1.1;

const availableBytes = () => 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]);

async function pssOf(peers) {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await nextTurn();
  }
  return ['self', ...peers.map(({ pid }) => pid)].reduce((sum, pid) => sum + memoryOf(pid).pss, 0);
}

/** Pss in bytes before and after `send` has given the table to all peers. */
async function measure(peers, send) {
  const before = await pssOf(peers);
  await send();
  await Promise.all(peers.map((peer) => peer.mark()));
  return { before, after: await pssOf(peers) };
}

async function sharedWay(peerKind, count) {
  const way = await openShared(peerKind, { every: BATCHES, read: 'keep', consumers: count, maxBytes: 2 * TABLE_BYTES });
  const found = await measure(way.peers, () => way.send(batchOf(TABLE_BYTES / BATCHES), BATCHES));
  await way.close();
  return found;
}

async function copyingWay(peerKind, count) {
  const ways = [];
  for (let i = 0; i < count; i++) ways.push(await openSocket(peerKind, { every: BATCHES, read: 'keep' }));
  const peers = ways.map(({ peer }) => peer);
  const found = await measure(peers, async () => {
    const batch = batchOf(TABLE_BYTES / BATCHES);
    for (const way of ways) await way.send(batch, BATCHES);
  });
  for (const way of ways) await way.close();
  return found;
}

export async function run(report) {
  const python = benchPeers().find(({ language }) => language === 'python');
  if (!python) return report.say('left out, since the Python peer is not installed');
  const rows = [];
  for (const count of COUNTS)
    for (const [name, measureWay] of Object.entries({ shared: sharedWay, copying: copyingWay })) {
      const neededBytes = (name === 'copying' ? count + 1 : 2) * TABLE_BYTES;
      if (availableBytes() < 1.25 * neededBytes) {
        report.say(`${name}, ${count} consumers: left out, since ${bytesText(availableBytes())} are available`);
        continue;
      }
      const { before, after } = await measureWay(python, count);
      const ratio = (after - before) / TABLE_BYTES;
      rows.push([`${name}, ${count}`, ...[before, after, after - before].map(bytesText), ratio.toFixed(2)]);
      const target = name === 'shared' ? { atMost: TARGET } : {};
      report.figure(`${count} consumers, ${name}, growth of Pss / payload`, ratio, target);
    }
  report.table(
    `Python consumers that hold ${bytesText(TABLE_BYTES)}, Pss of all processes`,
    ['consumers', 'just before', 'while held', 'growth', 'x payload'],
    rows,
  );
}

// A hot loop in Node over a Node producer's batches: with release(), as `using` does it, beside one that drops its batches and leaves them to the
// garbage collector. Each loop is a process of its own.
import { meterWays } from './meter.mjs';
import { nodePeer } from './peers.mjs';
import { bytesText, usText } from './report.mjs';
import { batchOf } from './tables.mjs';
import { openShared } from './ways.mjs';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const LOOPS = [
  { byteLength: 64 * KIB, maxBytes: 64 * MIB, count: 5_000 },
  { byteLength: MIB, maxBytes: 64 * MIB, count: 1_000 },
  { byteLength: MIB, maxBytes: undefined, count: 3_000 },
];
const ROUNDS = { rounds: 5, warmUps: 2 };
const TARGET = 1.5;

export async function run(report) {
  for (const { byteLength, maxBytes, count } of LOOPS) {
    const plan = { every: count, maxBytes };
    const results = await meterWays(
      {
        released: await openShared(nodePeer, { ...plan, read: 'release' }),
        forgotten: await openShared(nodePeer, { ...plan, read: 'forget' }),
      },
      batchOf(byteLength),
      { count, ...ROUNDS },
    );
    const { released, forgotten } = results;
    const what = `${bytesText(byteLength)} batches, ${maxBytes ? `maxBytes ${bytesText(maxBytes)}` : 'default maxBytes'}`;
    report.table(
      `${what}, us per batch`,
      ['batches', 'wall clock', 'CPU', 'of producer', 'of consumer'],
      Object.entries(results).map(([name, { wallNs, cpuNs, producerNs, consumerNs }]) => [
        name,
        ...[wallNs, cpuNs, producerNs, consumerNs].map(usText),
      ]),
    );
    report.figure(`${what}, wall clock forgotten / released`, forgotten.wallNs / released.wallNs, { atMost: TARGET });
    report.figure(`${what}, CPU forgotten / released`, forgotten.cpuNs / released.cpuNs, { atMost: TARGET });
  }
}

// 1 KiB batches per second, of which the consumer reads one value: shared (inline, and through the region), beside apache-arrow's RecordBatchStreamWriter to standard input.
import { meterWays } from './meter.mjs';
import { benchPeers } from './peers.mjs';
import { usText } from './report.mjs';
import { batchOf } from './tables.mjs';
import { openShared, openStreamWriter } from './ways.mjs';

const PLAN = { count: 2_000, rounds: 11, warmUps: 5 };
const TARGET = 2;

export async function run(report) {
  const every = PLAN.count;
  const read = 'glance';
  for (const peer of benchPeers()) {
    const results = await meterWays(
      {
        inline: await openShared(peer, { every, read }),
        region: await openShared(peer, { every, read, inlineBelow: 0 }),
        RecordBatchStreamWriter: await openStreamWriter(peer, { every, read }),
      },
      batchOf(1_024),
      PLAN,
    );
    const perSecond = ({ wallNs }) => 1e9 / wallNs;
    const base = perSecond(results.RecordBatchStreamWriter);
    report.table(
      `1 KiB batches node -> ${peer.language}`,
      ['way', 'batches per s', 'x RecordBatchStreamWriter', 'CPU us per batch', 'of producer', 'of consumer'],
      Object.entries(results).map(([name, measured]) => [
        name,
        Math.round(perSecond(measured)),
        (perSecond(measured) / base).toFixed(2),
        ...[measured.cpuNs, measured.producerNs, measured.consumerNs].map(usText),
      ]),
    );
    for (const name of ['inline', 'region'])
      report.figure(
        `1 KiB batches per s node -> ${peer.language}, ${name} / RecordBatchStreamWriter`,
        perSecond(results[name]) / base,
        { atLeast: TARGET },
      );
  }
}

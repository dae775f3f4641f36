// Minor page faults per batch, once everything is warm, beside the same batches through a socket and through standard input.
import { meterWays } from './meter.mjs';
import { benchPeers } from './peers.mjs';
import { bytesText } from './report.mjs';
import { batchOf } from './tables.mjs';
import { openShared, openSocket, openTableToIpc } from './ways.mjs';

const MIB = 2 ** 20;
const SIZES = [
  { byteLength: MIB, count: 200, rounds: 15, warmUps: 15 },
  { byteLength: 64 * MIB, count: 8, rounds: 7, warmUps: 4 },
];

export async function run(report) {
  for (const peer of benchPeers())
    for (const { byteLength, ...plan } of SIZES) {
      const every = plan.count;
      const ways = {
        shared: () => openShared(peer, { every, maxBytes: 4 * byteLength + 64 * MIB }),
        'Unix socket': () => openSocket(peer, { every }),
        tableToIPC: () => openTableToIpc(peer, { every }),
      };
      const batch = batchOf(byteLength);
      const results = {};
      // One after the other, since faults are the same in any weather: collecting one's garbage makes the next one's heap grow again, in faults.
      for (const [name, open] of Object.entries(ways))
        Object.assign(results, await meterWays({ [name]: await open() }, batch, { ...plan, collects: false }));
      const what = `${bytesText(byteLength)} node -> ${peer.language}`;
      report.table(
        `${what}, minor faults per batch`,
        ['way', 'producer', 'in its best round', 'consumer'],
        Object.entries(results).map(([name, { producerFaults, consumerFaults, rounds }]) => [
          name,
          producerFaults.toFixed(2),
          Math.min(...rounds.map((round) => round.producerFaults)).toFixed(2),
          consumerFaults.toFixed(2),
        ]),
      );
      const { producerFaults, consumerFaults } = results.shared;
      report.figure(`${what}, faults of the producer`, producerFaults, { atMost: 0, unit: '' });
      report.figure(`${what}, faults of the consumer`, consumerFaults, { unit: '' });
    }
}

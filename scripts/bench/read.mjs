// CPU of both sides when a consumer reads all columns of each batch once: shared, beside a tuned Unix socket and tableToIPC to standard input.
import { meterWays } from './meter.mjs';
import { benchPeers } from './peers.mjs';
import { bytesText, msText } from './report.mjs';
import { batchOf } from './tables.mjs';
import { openShared, openSocket, openTableToIpc } from './ways.mjs';

const MIB = 2 ** 20;
const SIZES = [
  { byteLength: 64 * MIB, count: 4, rounds: 9, warmUps: 3, socketTarget: 0.55 },
  { byteLength: 512 * MIB, count: 2, rounds: 4, warmUps: 2, socketTarget: 0.4 },
];
const STDIN_TARGET = 0.25;

export async function run(report) {
  for (const peer of benchPeers())
    for (const { byteLength, socketTarget, ...plan } of SIZES) {
      const every = plan.count;
      const ways = {
        shared: await openShared(peer, { every, maxBytes: 3 * byteLength + 64 * MIB }),
        'Unix socket': await openSocket(peer, { every }),
        tableToIPC: await openTableToIpc(peer, { every }),
      };
      const results = await meterWays(ways, batchOf(byteLength), plan);
      const what = `${bytesText(byteLength)} node -> ${peer.language}`;
      const { shared } = results;
      report.table(
        `${what}, ms per batch`,
        ['way', 'CPU', 'of producer', 'of consumer', 'wall clock', 'shared / this CPU'],
        Object.entries(results).map(([name, { cpuNs, producerNs, consumerNs, wallNs }]) => [
          name,
          ...[cpuNs, producerNs, consumerNs, wallNs].map(msText),
          (shared.cpuNs / cpuNs).toFixed(2),
        ]),
      );
      const share = (name) => shared.cpuNs / results[name].cpuNs;
      report.figure(`${what}, CPU shared / Unix socket`, share('Unix socket'), { atMost: socketTarget });
      report.figure(`${what}, CPU shared / tableToIPC`, share('tableToIPC'), { atMost: STDIN_TARGET });
    }
}

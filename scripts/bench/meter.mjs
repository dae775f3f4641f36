// What it takes to send some batches until the peer has read them: time, CPU and minor page faults of both sides.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { interleave, median } from './statistics.mjs';

setFlagsFromString('--expose-gc');
/** Collects this process's garbage. */
export const collectGarbage = runInNewContext('gc');

async function meter({ peer, send }, batch, count) {
  const faults = process.resourceUsage().minorPageFault;
  const cpu = process.cpuUsage();
  const begin = process.hrtime.bigint();
  await send(batch, count);
  const theirs = await peer.mark();
  const wallNs = Number(process.hrtime.bigint() - begin);
  const { user, system } = process.cpuUsage(cpu);
  const producerFaults = process.resourceUsage().minorPageFault - faults;
  const producerNs = (user + system) * 1e3;
  return {
    wallNs: wallNs / count,
    producerNs: producerNs / count,
    consumerNs: theirs.cpuNs / count,
    cpuNs: (producerNs + theirs.cpuNs) / count,
    producerFaults: producerFaults / count,
    consumerFaults: theirs.minorFaults / count,
  };
}

/**
 * Sends `count` batches each way, in turn, for a number of rounds after warm-up; returns, by way, the median over the rounds of each measure per
 * batch, and all `rounds`. `ways` are open, with a mark every `count` batches, and are closed here. `collects`: whether this process's garbage is collected after each round, not
 * measured, so that nobody pays for somebody else's.
 */
export async function meterWays(ways, batch, { count, rounds, warmUps, collects = true }) {
  const contenders = Object.entries(ways).map(([name, way]) => [
    name,
    async () => {
      const measured = await meter(way, batch, count);
      if (collects) collectGarbage();
      return measured;
    },
  ]);
  const results = await interleave(Object.fromEntries(contenders), rounds, warmUps);
  for (const way of Object.values(ways)) await way.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, measures]) => [
      name,
      {
        ...Object.fromEntries(Object.keys(measures[0]).map((key) => [key, median(measures.map((one) => one[key]))])),
        rounds: measures,
      },
    ]),
  );
}

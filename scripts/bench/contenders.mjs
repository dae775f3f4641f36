// Contenders that each have a process of their own, a round of one after a round of the other.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { interleave, median, quantile } from './statistics.mjs';

/** Rows of a round, as many as a full batch of a stream has by default. */
export const ROWS = 65_536;
const ROUNDS = 25;
/** Rounds until everything is compiled. */
const WARM_UPS = 15;

async function openContender(name) {
  const child = fork(fileURLToPath(new URL('contender.mjs', import.meta.url)), [name]);
  const ended = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`the contender "${name}" ended with ${code}`)),
  );
  ended.catch(() => {}); // at its end nobody waits for what it says
  const said = () => Promise.race([once(child, 'message'), ended]);
  await said();
  return {
    async once() {
      child.send('again');
      const [cpuNs] = await said();
      return cpuNs;
    },
    async close() {
      if (child.connected) child.disconnect();
      await ended.catch(() => {});
    },
  };
}

/** Medians of the CPU time of a round in ns, by contender; tells the rates. `others` are open contenders, which are closed here as well. */
export async function compare(report, title, unit, names, others = {}) {
  const open = { ...others };
  let times;
  try {
    for (const name of names) open[name] = await openContender(name);
    const rounds = Object.entries(open).map(([name, contender]) => [name, () => contender.once()]);
    times = await interleave(Object.fromEntries(rounds), ROUNDS, WARM_UPS);
  } finally {
    // Those that are left would keep the bench from ending.
    await Promise.allSettled(Object.values(open).map((contender) => contender.close()));
  }
  const rateText = (ns) => ((ROWS / ns) * 1e6).toFixed(0);
  report.table(
    title,
    ['way', `thousand ${unit} a CPU second`, 'in its slowest tenth'],
    Object.entries(times).map(([name, ns]) => [name, rateText(median(ns)), rateText(quantile(ns, 0.9))]),
  );
  return Object.fromEntries(Object.entries(times).map(([name, ns]) => [name, median(ns)]));
}

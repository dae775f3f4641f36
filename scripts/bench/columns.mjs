// Rows of ten fields into columns: beside apache-arrow's builders and flechette's columnFromArray, as far as columns here; beside tableFromJSON,
// tableToIPC and a pipe, until Python has read them. What a row leaves behind for the garbage collector, and page faults once all is warm.
// Columns that are filled in place, beside the heap.
import { allocatedBytes, allocationProfile } from './allocations.mjs';
import { batchBuilder } from './batch-builder.mjs';
import { runInPlace } from './fill-in-place.mjs';
import { collectGarbage } from './meter.mjs';
import { hasPython, openRows, openTableFromJson } from './row-ways.mjs';
import { buildByApacheArrow, buildByFlechette, sampleRows, schema } from './sample-rows.mjs';
import { interleave, median, quantile } from './statistics.mjs';

/** Of a full batch of a stream, by default. */
const ROWS = 65_536;
const ROUNDS = 15;
/** Rounds until everything is compiled. */
const WARM_UPS = 12;
/** Rows too few for a collection of garbage while they are appended. */
const FEW_ROWS = 10_000;

/** Thousands of rows a second. */
const rateText = (ns) => ((ROWS / ns) * 1e6).toFixed(0);

/** The CPU time of this process in ns, and of the peer where there is one; garbage is collected afterwards, so that nobody pays for somebody else's. */
const cpuTimed = (work, peer) => async () => {
  const before = process.cpuUsage();
  await work();
  const theirs = peer ? (await peer.mark()).cpuNs : 0;
  const { user, system } = process.cpuUsage(before);
  collectGarbage();
  return (user + system) * 1e3 + theirs;
};

function tabulate(report, title, times) {
  report.table(
    title,
    ['way', 'thousand rows a CPU second', 'in its slowest tenth'],
    Object.entries(times).map(([name, ns]) => [name, rateText(median(ns)), rateText(quantile(ns, 0.9))]),
  );
}

async function compareBuilders(report) {
  const [rows, rowsOfBigints] = [sampleRows(ROWS), sampleRows(ROWS, BigInt)];
  const build = batchBuilder(schema);
  const times = await interleave(
    {
      arrowlab: cpuTimed(() => build(rows)),
      flechette: cpuTimed(() => buildByFlechette(rows)),
      'apache-arrow': cpuTimed(() => buildByApacheArrow(rowsOfBigints)),
    },
    ROUNDS,
    WARM_UPS,
  );
  tabulate(report, `${ROWS} rows into columns`, times);
  const own = median(times.arrowlab);
  report.figure("rows a second / apache-arrow's builders", median(times['apache-arrow']) / own, { atLeast: 20 });
  report.figure("rows a second / flechette's columnFromArray", median(times.flechette) / own, { atLeast: 5 });
}

async function endToEnd(report) {
  const rows = sampleRows(ROWS);
  const ways = { arrowlab: await openRows(ROWS), 'tableFromJSON + tableToIPC + pipe': await openTableFromJson(ROWS) };
  const contenders = Object.entries(ways).map(([name, { send, peer }]) => [name, cpuTimed(() => send(rows), peer)]);
  const times = await interleave(Object.fromEntries(contenders), ROUNDS, WARM_UPS);
  for (const way of Object.values(ways)) await way.close();
  tabulate(report, `${ROWS} rows until Python has read a value of every column`, times);
  const [own, other] = Object.values(times).map(median);
  report.figure('rows a second, readable in Python / tableFromJSON + tableToIPC + pipe', other / own, { atLeast: 10 });
}

/** Once all is warm. */
async function steadyState(report) {
  const rows = sampleRows(ROWS);
  const way = await openRows(ROWS);
  const send = async () => {
    await way.send(rows);
    return way.peer.mark();
  };
  for (let round = 0; round < 2 * WARM_UPS; round++) await send();
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [faults, batches] = [process.resourceUsage().minorPageFault, way.stream.batches];
    const { minorFaults } = await send();
    const own = process.resourceUsage().minorPageFault - faults;
    rounds.push({ own, theirs: minorFaults, batches: way.stream.batches - batches });
  }
  const faults = median(rounds.map(({ own, batches }) => own / batches));
  const theirs = median(rounds.map(({ theirs, batches }) => theirs / batches));
  report.figure('faults of the producer, a batch', faults, { atMost: 0, unit: '' });
  report.figure('faults of the consumer, a batch', theirs, { unit: '' });

  const [few, others] = [rows.slice(0, FEW_ROWS), rows.slice(FEW_ROWS)];
  const grown = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = await allocatedBytes(() => way.send(few));
    if (bytes !== undefined) grown.push(bytes / FEW_ROWS);
    await way.send(others);
    await way.peer.mark();
  }
  const profile = await allocationProfile(async () => {
    for (let round = 0; round < ROUNDS; round++) await send();
  });
  await way.close();
  report.table(
    `allocated on the heap while ${ROUNDS * ROWS} rows were appended and sent`,
    ['by', 'bytes a row'],
    profile.slice(0, 10).map(({ place, bytes }) => [place, (bytes / ROUNDS / ROWS).toFixed(2)]),
  );
  const sampled = profile.reduce((sum, { bytes }) => sum + bytes, 0) / ROUNDS / ROWS;
  report.figure('allocated on the heap, by the growth of the heap', median(grown), { unit: 'bytes a row' });
  report.figure('allocated on the heap, by samples', sampled, { unit: 'bytes a row' });
}

export async function run(report) {
  await compareBuilders(report);
  await runInPlace(report);
  if (!hasPython()) return report.say('rows that Python reads: left out, since Python is not set up');
  await endToEnd(report);
  await steadyState(report);
}

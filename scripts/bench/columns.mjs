// Rows of ten fields into columns: beside apache-arrow's builders and flechette's columnFromArray, as far as columns here; beside tableFromJSON,
// tableToIPC and a pipe, until Python has read them. What a row leaves behind for the garbage collector, and page faults once all is warm.
// Columns that are filled in place, beside the heap.
import { allocatedBytes, allocationProfile } from './allocations.mjs';
import { compare, ROWS } from './contenders.mjs';
import { runInPlace } from './fill-in-place.mjs';
import { hasPython, openRows } from './row-ways.mjs';
import { sampleRows } from './sample-rows.mjs';
import { median } from './statistics.mjs';

const ROUNDS = 15;
/** Rounds until everything is compiled. */
const WARM_UPS = 60;
/** Rows too few for a collection of garbage while they are appended. */
const FEW_ROWS = 10_000;

async function compareBuilders(report) {
  const names = ['arrowlab', 'flechette', 'apache-arrow'];
  const times = await compare(report, `${ROWS} rows into columns`, 'rows', names);
  report.figure("rows a second / apache-arrow's builders", times['apache-arrow'] / times.arrowlab, { atLeast: 20 });
  report.figure("rows a second / flechette's columnFromArray", times.flechette / times.arrowlab, { atLeast: 5 });
}

async function endToEnd(report) {
  const [own, other] = ['arrowlab to Python', 'tableFromJSON + tableToIPC + pipe'];
  const times = await compare(report, `${ROWS} rows until Python has read a value of every column`, 'rows', [
    own,
    other,
  ]);
  report.figure(`rows a second, readable in Python / ${other}`, times[other] / times[own], { atLeast: 10 });
}

/** Once all is warm. */
async function steadyState(report) {
  const rows = sampleRows(ROWS);
  const way = await openRows(ROWS);
  const send = async () => {
    await way.send(rows);
    return way.peer.mark();
  };
  for (let round = 0; round < WARM_UPS; round++) await send();
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

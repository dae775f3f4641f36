// Filling columns where they will be read, beside filling arrays of the heap that are warm, and what handing them over costs.
import { Server } from '../../dist/bridge/index.js';
import { bytesText, msText } from './report.mjs';
import { interleave, median, quantile, timed } from './statistics.mjs';
import { rowsOf, schema } from './tables.mjs';

const MIB = 2 ** 20;
const FILLED = 256 * MIB;
const FILL_ROUNDS = 40;
const COMMITTED = [MIB, 64 * MIB, FILLED];
const COMMIT_ROUNDS = 40;
/** Two batches are there at a time: the one that is filled, and the one that is retained. */
const WARM_UPS = 3;

/** A stream whose last batch is retained, and which nobody reads. */
function openStream(byteLength) {
  const server = new Server({ maxBytes: 3 * byteLength + 64 * MIB, idleMs: 600_000 });
  const stream = server.publish('bench', schema, { retain: 'latest' });
  return { allocate: () => stream.allocate({ rows: rowsOf(byteLength) }), close: () => server.close() };
}

async function measureFill() {
  const { allocate, close } = openStream(FILLED);
  const arrays = schema.fields.map(() => new Float64Array(rowsOf(FILLED)).fill(0));
  /** Its CPU time in ns. */
  const fill = (columns) => {
    const before = process.cpuUsage();
    for (const [i, values] of columns.entries()) values.fill(i + 0.5);
    const { user, system } = process.cpuUsage(before);
    return (user + system) * 1e3;
  };
  const times = await interleave(
    {
      heap: () => fill(arrays),
      async 'in place'() {
        const batch = await allocate();
        const ns = await fill(batch.columns.map(({ values }) => values));
        await batch.commit();
        return ns;
      },
    },
    FILL_ROUNDS,
    WARM_UPS,
  );
  await close();
  return times;
}

async function measureCommit(byteLength) {
  const { allocate, close } = openStream(byteLength);
  const times = [];
  for (let round = -WARM_UPS; round < COMMIT_ROUNDS; round++) {
    const batch = await allocate();
    for (const { values } of batch.columns) values[0] = round;
    const ns = await timed(() => batch.commit())();
    if (round >= 0) times.push(ns);
  }
  await close();
  return times;
}

export async function runInPlace(report) {
  const fills = await measureFill();
  report.table(
    `8 float64 columns of ${bytesText(FILLED)} in all, filled`,
    ['where', 'median CPU ms', 'p99 CPU ms'],
    Object.entries(fills).map(([name, ns]) => [name, msText(median(ns)), msText(quantile(ns, 0.99))]),
  );
  const ratio = median(fills['in place']) / median(fills.heap);
  report.figure(`${bytesText(FILLED)} filled in place / warm heap`, ratio, { atMost: 1.1 });
  const commits = [];
  for (const byteLength of COMMITTED) commits.push({ byteLength, times: await measureCommit(byteLength) });
  report.table(
    'commit',
    ['batch', 'median ms', 'p99 ms'],
    commits.map(({ byteLength, times }) => [
      bytesText(byteLength),
      msText(median(times)),
      msText(quantile(times, 0.99)),
    ]),
  );
  for (const { byteLength, times } of commits)
    report.figure(`commit of ${bytesText(byteLength)}`, median(times) / 1e6, { atMost: 0.5, unit: 'ms' });
  const medians = commits.map(({ times }) => median(times));
  report.figure('commit, slowest size / fastest', Math.max(...medians) / Math.min(...medians));
}

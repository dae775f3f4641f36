// What placing a batch in the region costs, beside one memcpy of the same bytes between warm buffers, and beside tableToIPC.
import { Table, tableToIPC } from 'apache-arrow';
import { bytesText } from './report.mjs';
import { interleave, median, quantile, timed } from './statistics.mjs';
import { batchOf, placer } from './tables.mjs';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const SIZES = [
  { byteLength: MIB, rounds: 1_000, target: 2 },
  { byteLength: 64 * MIB, rounds: 40, target: 1.25 },
  { byteLength: 512 * MIB, rounds: 12, target: 1.1 },
];
/** Rounds until everything is compiled. */
const WARM_UPS = 10_000;

function openContenders(byteLength) {
  const batch = batchOf(byteLength);
  const table = new Table([batch]);
  const place = placer(byteLength);
  const [source, target] = [new Uint8Array(byteLength).fill(1), new Uint8Array(byteLength).fill(2)];
  return {
    memcpy: timed(() => target.set(source)),
    write: timed(() => place.once(batch)),
    tableToIPC: timed(() => tableToIPC(table)),
    close: () => place.close(),
  };
}

async function measure({ byteLength, rounds }) {
  const { memcpy, write, tableToIPC, close } = openContenders(byteLength);
  const shared = await interleave({ memcpy, write }, rounds, Math.ceil(rounds / 4));
  close();
  // Apart: the garbage it leaves is collected in the background, at the cost of whoever runs beside it.
  const copied = await interleave({ memcpy, tableToIPC }, Math.ceil(rounds / 4));
  return { ...shared, tableToIPC: copied.tableToIPC };
}

export async function run(report) {
  const { memcpy, write, close } = openContenders(16 * KIB);
  await interleave({ memcpy, write }, 0, WARM_UPS);
  close();
  const rows = [];
  for (const size of SIZES) {
    const times = await measure(size);
    const base = median(times.memcpy);
    for (const [name, ns] of Object.entries(times))
      rows.push([
        `${bytesText(size.byteLength)} ${name}`,
        (median(ns) / 1e6).toFixed(3),
        (quantile(ns, 0.99) / 1e6).toFixed(3),
        (median(ns) / base).toFixed(2),
      ]);
    report.figure(`${bytesText(size.byteLength)}, write / memcpy`, median(times.write) / base, {
      atMost: size.target,
    });
  }
  report.table(
    'one batch of 8 float64 columns into warm memory',
    ['contender', 'median ms', 'p99 ms', 'x memcpy'],
    rows,
  );
}

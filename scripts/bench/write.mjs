// What placing a batch in the region costs, beside one memcpy of the same bytes between warm buffers, and beside tableToIPC.
import { Table, tableToIPC } from 'apache-arrow';
import { StreamEncoder } from '../../dist/ipc/index.js';
import { Region } from '../../dist/region/index.js';
import { bytesText, interleave, median, printTable, quantile } from './report.mjs';
import { batchOf, schema } from './tables.mjs';

const MIB = 2 ** 20;
const SIZES = [
  [MIB, 200],
  [64 * MIB, 15],
  [512 * MIB, 5],
];

async function measure(byteLength, rounds) {
  const batch = batchOf(byteLength);
  const table = new Table([batch]);
  const region = new Region({ maxBytes: 2 * byteLength + 64 * MIB });
  const encoder = new StreamEncoder(schema);
  const share = region.openShare('bench');
  const writer = { holder: 'bench', sinceMs: 0 };
  const [source, target] = [new Uint8Array(byteLength).fill(1), new Uint8Array(byteLength).fill(2)];
  const memcpy = () => target.set(source);
  const shared = await interleave(
    {
      memcpy,
      write: async () => {
        for (const message of encoder.encode(batch)) {
          const extent = await region.allocate({ byteLength: message.byteLength, writer, share });
          message.placeInto(extent);
          extent.drop(writer);
        }
      },
    },
    rounds,
  );
  region.close();
  // Apart: the garbage it leaves is collected in the background, at the cost of whoever runs beside it.
  const copied = await interleave({ memcpy, tableToIPC: () => tableToIPC(table) }, Math.ceil(rounds / 3));
  return { ...shared, tableToIPC: copied.tableToIPC };
}

export async function run() {
  const rows = [];
  for (const [byteLength, rounds] of SIZES) {
    const times = await measure(byteLength, rounds);
    const base = median(times.memcpy);
    for (const [name, ns] of Object.entries(times))
      rows.push([
        `${bytesText(byteLength)} ${name}`,
        (median(ns) / 1e6).toFixed(3),
        (quantile(ns, 0.99) / 1e6).toFixed(3),
        (median(ns) / base).toFixed(2),
      ]);
  }
  printTable(
    'write: one batch of 8 float64 columns into warm memory',
    ['contender', 'median ms', 'p99 ms', 'x memcpy'],
    rows,
  );
}

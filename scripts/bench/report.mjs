// How a benchmark says what it found: medians, 99th percentiles, ratios, in one table.

/** The value that `share` of the values do not exceed. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const median = (values) => quantile(values, 0.5);

/** Prints rows of cells under a heading, numbers to the right. */
export function printTable(title, heading, rows) {
  const all = [heading, ...rows.map((row) => row.map(String))];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  console.log(`\n${title}`);
  for (const row of all)
    console.log(`  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   ')}`);
}

const UNITS = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];

export function bytesText(bytes) {
  const [size, unit] = UNITS.find(([size]) => bytes >= size) ?? [1, 'B'];
  return `${bytes / size} ${unit}`;
}

/** Runs each contender in turn, round after round, so that all meet the same weather; returns each one's times in ns. */
export async function interleave(contenders, rounds) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++)
    for (const [name, run] of Object.entries(contenders)) {
      const begin = process.hrtime.bigint();
      await run();
      if (round >= 0) times[name].push(Number(process.hrtime.bigint() - begin)); // the first round warms up
    }
  return times;
}

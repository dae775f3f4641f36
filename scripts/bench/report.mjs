// What the stages found: tables as they come, and every figure that has a target once more, in one table at the end.

const UNITS = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];

export function bytesText(bytes) {
  const [size, unit] = UNITS.find(([size]) => bytes >= size) ?? [1, 'B'];
  return `${Number((bytes / size).toFixed(2))} ${unit}`;
}

/** Nanoseconds as text in microseconds, and in milliseconds. */
export const usText = (ns) => (ns / 1e3).toFixed(1);
export const msText = (ns) => (ns / 1e6).toFixed(2);

/** Rows of cells under a heading, numbers to the right. */
function tableText(title, heading, rows) {
  const all = [heading, ...rows.map((row) => row.map(String))];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const lines = all.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   '),
  );
  return `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

export class Report {
  /** `{ stage, measured, value, unit, target, isMet }`, in the order they were found. */
  figures = [];
  #stage = '';
  #write;

  /** `write` takes the text of a table. */
  constructor(write) {
    this.#write = write;
  }

  begin(stage) {
    this.#stage = stage;
  }

  table(title, heading, rows) {
    this.#write(tableText(`${this.#stage}: ${title}`, heading, rows));
  }

  say(text) {
    this.#write(`\n${this.#stage}: ${text}\n`);
  }

  /** A figure and its target: `{ atMost }` or `{ atLeast }`, in `unit`; without one the figure is for information. */
  figure(measured, value, { atMost, atLeast, unit = 'x' } = {}) {
    const isMet = atMost !== undefined ? value <= atMost : atLeast !== undefined ? value >= atLeast : null;
    const target = atMost !== undefined ? `<= ${atMost}` : atLeast !== undefined ? `>= ${atLeast}` : '';
    this.figures.push({ stage: this.#stage, measured, value, unit, target, isMet });
  }

  summary() {
    const rows = this.figures.map(({ stage, measured, value, unit, target, isMet }) => [
      `${stage}: ${measured}`,
      `${value.toFixed(2)} ${unit}`,
      target,
      isMet === null ? '' : isMet ? 'yes' : 'NO',
    ]);
    this.#write(tableText('all figures', ['measured', 'figure', 'target', 'met'], rows));
  }
}

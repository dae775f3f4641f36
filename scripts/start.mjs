// `npm start`: the main job on real and on large data, by sharing and by copying, in one table.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const alab = fileURLToPath(new URL('../dist/cli/alab.js', import.meta.url));
const MIB = 2 ** 20;
/** Rows of the synthetic table that make 512 MiB. */
const LARGE_ROWS = Math.round((512 * MIB) / 40.125);

/** Runs one transfer and returns its report. */
async function transfer(command, args) {
  const child = spawn(process.execPath, [alab, 'ipc', command, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => child.kill('SIGINT');
  process.once('SIGINT', stop);
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  process.off('SIGINT', stop);
  const report = JSON.parse(output || '{"error":{"message":"it was stopped"}}');
  if (report.error) throw new Error(`alab ipc ${command}: ${report.error.message}`);
  return report;
}

const mebibytes = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
const cells = (name, way, { handoffMs, bytesCopied, pssGrowthBytes, cpuMs, payloadBytes, checksumsEqual }) => [
  name,
  way,
  mebibytes(payloadBytes),
  `${handoffMs.toFixed(2)} ms`,
  mebibytes(bytesCopied),
  mebibytes(pssGrowthBytes),
  `${Math.round(cpuMs)} ms`,
  checksumsEqual ? 'equal' : 'DIFFERENT',
];

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   '));
}

/** The first peer that is installed: Python, else Rust, else Node itself. */
function choosePeer() {
  if (existsSync(new URL('../python-peer/.venv/bin/python', import.meta.url))) return 'python';
  return existsSync(new URL('../rust-peer/target/release/arrowlab-peer', import.meta.url)) ? 'rust' : 'node';
}

const peer = choosePeer();
const jobs = [
  ['flights', []],
  ['512 MiB', ['--rows', String(LARGE_ROWS)]],
];
const ways = [
  ['shared', 'transfer-recordbatch'],
  ['copied', 'transfer-recordbatch-as-byte-stream'],
];
const rows = [['data', 'way', 'payload', 'handoff', 'bytes copied', 'Pss above baseline', 'CPU', 'checksums']];
try {
  for (const [name, args] of jobs)
    for (const [way, command] of ways) {
      console.error(`node -> ${peer}: ${name}, ${way} ...`);
      rows.push(cells(name, way, await transfer(command, ['--peer', peer, ...args])));
    }
  console.log();
  print(rows);
  console.log(
    `\nOne Arrow table from Node to ${peer}. Handoff: from before the first message is sent until its first value is read.`,
  );
  console.log(
    'Watch the memory yourself next: npx alab ipc transfer-recordbatch --sleep 10 --consumers 4 --rows 5000000',
  );
} catch (error) {
  console.error(`npm start: ${error.message}`);
  process.exitCode = 1;
}

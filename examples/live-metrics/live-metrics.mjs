// Measurements as JSON lines come in; a Python process computes over each batch of them, in shared memory, as soon as it is there.
//
//   node examples/live-metrics/live-metrics.mjs --rate 100000 --seconds 30
//   tail -f metrics.ndjson | node examples/live-metrics/live-metrics.mjs --input -
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dictionary, float64, listen, schema, timestamp, utf8 } from 'arrowlab';

const USAGE = `usage: node examples/live-metrics/live-metrics.mjs [options]

  --input -             JSON lines on standard input, else they are made up
  --rate N              rows a second that are made up, by default 100000; 0 for as many as possible
  --rows N              rows that are made up, by default without end
  --seconds N           how long, by default without end
  --max-bytes SIZE      memory for batches, by default 256MiB
  --max-latency-ms N    a batch goes out so long after its first row, by default 100
  --python PATH         a Python that has arrowlab, and polars or pandas
  --help

A line is {"host":"web-3","metric":"cpu","value":0.25,"at":1767225600000}, at in milliseconds.`;

const options = {
  input: { type: 'string' },
  rate: { type: 'string', default: '100000' },
  rows: { type: 'string', default: 'Infinity' },
  seconds: { type: 'string', default: 'Infinity' },
  'max-bytes': { type: 'string', default: '256MiB' },
  'max-latency-ms': { type: 'string', default: '100' },
  python: { type: 'string' },
  help: { type: 'boolean' },
};

function readFlags() {
  try {
    const { values } = parseArgs({ options });
    if (values.input !== undefined && values.input !== '-')
      throw new Error(`expected --input as -, found ${values.input}: give the file as standard input`);
    return values;
  } catch (error) {
    console.error(`live-metrics: ${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const flags = readFlags();
if (flags.help) {
  console.log(USAGE);
  process.exit();
}
const [rate, maxRows, maxSeconds] = [Number(flags.rate), Number(flags.rows), Number(flags.seconds)];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ofCheckout = here('../../python-peer/.venv/bin/python');
const python = flags.python ?? process.env.ARROWLAB_PYTHON ?? (existsSync(ofCheckout) ? ofCheckout : 'python3');

const metrics = schema({
  host: dictionary(utf8()),
  metric: dictionary(utf8()),
  value: float64(),
  at: timestamp('ms', 'UTC'),
});

const isOver = (rows, beganMs) => rows >= maxRows || performance.now() - beganMs >= maxSeconds * 1000;

/** Lines of JSON, as many as the clock wants. */
async function* madeUpLines() {
  const beganMs = performance.now();
  for (let rows = 0; !isOver(rows, beganMs); ) {
    const due = rate === 0 ? rows + 1000 : Math.floor(((performance.now() - beganMs) / 1000) * rate);
    const lines = [];
    for (; rows < Math.min(due, maxRows); rows++)
      lines.push(
        `{"host":"web-${rows % 40}","metric":"${rows % 2 ? 'cpu' : 'disk'}","value":${(rows % 997) / 997},"at":${Date.now()}}`,
      );
    yield lines;
    await (rate === 0 ? undefined : sleep(5));
  }
}

async function* readLines() {
  for await (const line of createInterface({ input: process.stdin })) yield [line];
}

/** What a process occupies, shared pages divided among those who have them. */
function pssMebibytes(pid) {
  try {
    const [, kibibytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return (kibibytes / 1024).toFixed(1);
  } catch {
    return '0.0'; // it is gone
  }
}

const folder = mkdtempSync(join(tmpdir(), 'live-metrics-'));
const path = join(folder, 'metrics.sock');
const server = await listen({ path, maxBytes: flags['max-bytes'] });
const stream = server.publish('metrics', metrics);
const writer = stream.rows(metrics, { maxLatencyMs: Number(flags['max-latency-ms']) });
const peer = spawn(python, [here('aggregate.py'), path], { stdio: ['ignore', 'inherit', 'inherit'] });
const peerEnded = new Promise((resolve, reject) => {
  peer.on('error', reject);
  peer.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the Python peer ended with ${code}`))));
});

const beganMs = performance.now();
let [lastRows, lastMs] = [0, beganMs];
const ticker = setInterval(() => {
  const nowMs = performance.now();
  const rowsPerSecond = Math.round(((writer.rows - lastRows) * 1000) / (nowMs - lastMs));
  [lastRows, lastMs] = [writer.rows, nowMs];
  const pss = `Pss node ${pssMebibytes(process.pid)} MiB, python ${pssMebibytes(peer.pid)} MiB`;
  console.log(`node: ${writer.rows} rows in ${stream.batches} batches, ${rowsPerSecond} rows/s, ${pss}`);
}, 1000);

try {
  await Promise.race([produce(), peerEnded.then(() => Promise.reject(new Error('the Python peer ended too early')))]);
  await stream.end();
  await peerEnded;
  const seconds = (performance.now() - beganMs) / 1000;
  console.log(`node: sent ${stream.writtenRows} rows in ${stream.batches} batches in ${seconds.toFixed(1)} s`);
} catch (error) {
  console.error(`live-metrics: ${error.message}`);
  process.exitCode = 1;
} finally {
  clearInterval(ticker);
  peer.kill();
  await server.close();
  rmSync(folder, { recursive: true });
}

async function produce() {
  let number = 0;
  for await (const lines of flags.input === '-' ? readLines() : madeUpLines())
    for (const line of lines) {
      number++;
      const room = line === '' ? undefined : appended(line, number);
      if (room) await room; // batches go out more slowly than rows come
    }
}

function appended(line, number) {
  try {
    return writer.append(JSON.parse(line));
  } catch (error) {
    throw new Error(`line ${number}: ${error.message.replace(/^row \d+: /, '')}`, { cause: error });
  }
}

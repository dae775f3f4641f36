// `npm run bench [-- STAGE ...] [--json]`: every stage, or those named. Contenders run interleaved; the figures are medians.
// With --json one object goes to standard output and the tables to standard error. A target that is missed is no failure.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Report } from './report.mjs';

const STAGES = [
  'write',
  'handoff',
  'read',
  'small',
  'faults',
  'forgotten',
  'consumers',
  'kill',
  'inline',
  'columns',
  'protobuf',
];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
const unknown = positionals.find((stage) => !STAGES.includes(stage));
if (unknown) {
  console.error(`npm run bench: expected one of ${STAGES.join(', ')}, found ${unknown}`);
  process.exit(2);
}

const machine = () => ({
  node: process.version,
  processor: cpus()[0].model,
  processors: availableParallelism(),
  load: loadavg().map((load) => Number(load.toFixed(2))),
});
const report = new Report((text) => (values.json ? process.stderr : process.stdout).write(text));
const before = machine();
for (const stage of positionals.length > 0 ? positionals : STAGES) {
  report.begin(stage);
  const { run } = await import(`./${stage}.mjs`);
  await run(report);
  report.say(`load of the machine ${machine().load.join(' ')}`);
}
report.summary();
if (values.json) console.log(JSON.stringify({ before, after: machine(), figures: report.figures }, null, 2));

// Encoded protobuf messages into columns: straight from the wire; decoded by protobuf-es and then appended as rows; by ptars in Python.
import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { execaSync } from 'execa';
import { protobufRows } from '../../dist/index.js';
import { batchBuilder } from './batch-builder.mjs';
import { collectGarbage } from './meter.mjs';
import { descriptors, NAME, orderSchema, sampleMessages } from './orders.mjs';
import { BenchPeer, benchPeers } from './peers.mjs';
import { interleave, median, quantile } from './statistics.mjs';

const MESSAGES = 65_536;
const ROUNDS = 15;
/** Rounds until everything is compiled. */
const WARM_UPS = 20;

const cpuTimed = (work) => () => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  collectGarbage();
  return (user + system) * 1e3;
};

/** The CPU time of one conversion after the other; undefined where Python or ptars is not installed. */
async function openPtars(messages) {
  const python = benchPeers().find(({ language }) => language === 'python');
  if (!python || execaSync(python.command, ['-c', 'import ptars'], { reject: false }).failed) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-bench-'));
  const [descriptorFile, messageFile] = ['descriptors', 'messages'].map((name) => join(folder, name));
  writeFileSync(descriptorFile, descriptors);
  writeFileSync(
    messageFile,
    Buffer.concat(messages.flatMap((bytes) => [Buffer.from(Uint32Array.of(bytes.length).buffer), bytes])),
  );
  const kind = { ...python, args: [fileURLToPath(new URL('ptars_peer.py', import.meta.url))] };
  const peer = new BenchPeer(kind, [descriptorFile, NAME, messageFile], { stdin: 'pipe' });
  closeSync(peer.fd);
  await peer.line();
  rmSync(folder, { recursive: true });
  return {
    async once() {
      peer.child.stdin.write('again\n');
      return (await peer.line()).cpuNs;
    },
    async close() {
      peer.child.stdin.end();
      await peer.end();
    },
  };
}

export async function run(report) {
  const messages = sampleMessages(MESSAGES);
  const format = protobufRows(descriptors, NAME);
  const straight = batchBuilder(format);
  const decoded = batchBuilder(format.schema, (bytes) => fromBinary(orderSchema, bytes));
  const ptars = await openPtars(messages);
  const times = await interleave(
    {
      arrowlab: cpuTimed(() => straight(messages)),
      'protobuf-es + append': cpuTimed(() => decoded(messages)),
      ...(ptars && { ptars: ptars.once }),
    },
    ROUNDS,
    WARM_UPS,
  );
  await ptars?.close();
  const byteLength = messages.reduce((sum, { length }) => sum + length, 0) / MESSAGES;
  const rateText = (ns) => ((MESSAGES / ns) * 1e6).toFixed(0);
  report.table(
    `${MESSAGES} messages of twelve fields, ${byteLength.toFixed(0)} bytes on average`,
    ['way', 'thousand messages a CPU second', 'in its slowest tenth'],
    Object.entries(times).map(([name, ns]) => [name, rateText(median(ns)), rateText(quantile(ns, 0.9))]),
  );
  const own = median(times.arrowlab);
  report.figure('messages a second / protobuf-es + append', median(times['protobuf-es + append']) / own, {
    atLeast: 4,
  });
  if (ptars) report.figure('messages a second / ptars', median(times.ptars) / own, { atLeast: 0.5 });
  else report.say('ptars: left out, since it is not installed');
}

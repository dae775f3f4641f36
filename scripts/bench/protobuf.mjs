// Encoded protobuf messages into columns: straight from the wire; decoded by protobuf-es and then appended as rows; by ptars in Python.
import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execaSync } from 'execa';
import { compare, ROWS } from './contenders.mjs';
import { descriptors, NAME, sampleMessages } from './orders.mjs';
import { BenchPeer, benchPeers } from './peers.mjs';

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
  const messages = sampleMessages(ROWS);
  const byteLength = messages.reduce((sum, { length }) => sum + length, 0) / ROWS;
  const ptars = await openPtars(messages);
  const title = `${ROWS} messages of twelve fields, ${byteLength.toFixed(0)} bytes on average`;
  const names = ['arrowlab, messages', 'protobuf-es + append'];
  const times = await compare(report, title, 'messages', names, ptars && { ptars });
  const own = times['arrowlab, messages'];
  report.figure('messages a second / protobuf-es + append', times['protobuf-es + append'] / own, { atLeast: 4 });
  if (ptars) report.figure('messages a second / ptars', times.ptars / own, { atLeast: 0.5 });
  else report.say('ptars: left out, since it is not installed');
}

// One contender of `columns` or `protobuf` in a process of its own, so that each pays for its own garbage, and nobody's code is compiled for
// somebody else's data. usage: contender.mjs NAME; each message asks for a round, and is answered by its CPU time in ns.
import { fromBinary } from '@bufbuild/protobuf';
import { protobufRows } from '../../dist/index.js';
import { batchBuilder } from './batch-builder.mjs';
import { ROWS } from './contenders.mjs';
import { descriptors, NAME, orderSchema, sampleMessages } from './orders.mjs';
import { openRows, openTableFromJson } from './row-ways.mjs';
import { buildByApacheArrow, buildByFlechette, sampleRows, schema } from './sample-rows.mjs';

const here = (build, rows) => ({ work: () => build(rows), close: () => {} });

async function toPython(open) {
  const [rows, { peer, send, close }] = [sampleRows(ROWS), await open(ROWS)];
  return { work: () => send(rows), peer, close };
}

function protobuf(rowOf) {
  const format = protobufRows(descriptors, NAME);
  return here(rowOf ? batchBuilder(format.schema, rowOf) : batchBuilder(format), sampleMessages(ROWS));
}

const CONTENDERS = {
  arrowlab: () => here(batchBuilder(schema), sampleRows(ROWS)),
  flechette: () => here(buildByFlechette, sampleRows(ROWS)),
  'apache-arrow': () => here(buildByApacheArrow, sampleRows(ROWS, BigInt)),
  'arrowlab to Python': () => toPython(openRows),
  'tableFromJSON + tableToIPC + pipe': () => toPython(openTableFromJson),
  'arrowlab, messages': () => protobuf(),
  'protobuf-es + append': () => protobuf((bytes) => fromBinary(orderSchema, bytes)),
};

const { work, peer, close } = await CONTENDERS[process.argv[2]]();

async function round() {
  const before = process.cpuUsage();
  await work();
  const theirs = peer ? (await peer.mark()).cpuNs : 0;
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1e3 + theirs;
}

process.on('message', async () => process.send(await round()));
process.on('disconnect', close);
process.send('ready');

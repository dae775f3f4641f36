// From just before a descriptor is sent until the peer has read the first value (one way), and until its release is back (round trip),
// beside a bare 32-byte ping-pong over the same kind of socket. Writing the batch is not part of it.
import { subscribe } from 'node:diagnostics_channel';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { execa } from 'execa';
import { Server } from '../../dist/bridge/index.js';
import { native } from '../../dist/native.js';
import { benchPeers } from './peers.mjs';
import { bytesText, median, printTable, quantile } from './report.mjs';
import { batchOf, schema } from './tables.mjs';

const KIB = 2 ** 10;
const ROUNDS = 10;
/** Bytes of a batch, and how many of them in each round. */
const SIZES = [
  [KIB, 100],
  [KIB * KIB, 40],
  [64 * KIB * KIB, 3],
  [KIB * KIB * KIB, 1],
];
const PINGS = 200;

function spawnPeer({ command, args }, mode) {
  const [ours, theirs] = native().socketPair();
  const child = execa(command, [...args, mode], { stdio: ['ignore', 'pipe', 'inherit', theirs] });
  closeSync(theirs);
  return { child, fd: ours };
}

/** Bare round trips of 32 bytes, one after the other. */
function openPing(peer) {
  const { child, fd } = spawnPeer(peer, 'echo');
  const socket = new Socket({ fd, readable: true, writable: true });
  const bytes = Buffer.alloc(32);
  const once = () =>
    new Promise((resolve) => {
      const begin = process.hrtime.bigint();
      socket.once('data', () => resolve(Number(process.hrtime.bigint() - begin)));
      socket.write(bytes);
    });
  return {
    once,
    async close() {
      socket.end();
      await child;
    },
  };
}

/** A stream that one peer reads; each write is measured alone. */
async function openStream(peer) {
  const { child, fd } = spawnPeer(peer, 'read');
  const server = new Server({ maxBytes: 2.5 * KIB * KIB * KIB, inlineBelow: 0, idleMs: 60_000 });
  await server.adopt(fd, { pid: child.pid, isAlive: () => child.exitCode === null });
  const stream = server.publish('bench', schema);
  const sent = [];
  let released;
  subscribe('arrowlab:sending', ({ pid, kind }) => {
    if (pid === child.pid && kind === 'batch') sent.push(process.hrtime.bigint());
  });
  subscribe('arrowlab:released', ({ pid }) => {
    if (pid === child.pid) released?.(Number(process.hrtime.bigint() - sent.at(-1)));
  });
  return {
    async once(batch) {
      const back = new Promise((resolve) => {
        released = resolve;
      });
      await stream.write(batch);
      return back;
    },
    /** One-way times in ns, in the order of the writes. */
    async close() {
      await stream.end();
      const readable = JSON.parse((await child).stdout);
      await server.close();
      return readable.map((ns, i) => Number(BigInt(ns) - sent[i]));
    },
  };
}

async function measure(peer, batches) {
  const ping = openPing(peer);
  const stream = await openStream(peer);
  const pings = [];
  const sizes = [];
  const roundTrips = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < PINGS; i++) pings.push(await ping.once());
    for (const [byteLength, count] of SIZES)
      for (let i = 0; i < count; i++) {
        sizes.push(byteLength);
        roundTrips.push(await stream.once(batches.get(byteLength)));
      }
  }
  await ping.close();
  const oneWays = await stream.close();
  const of = (times, byteLength) => times.filter((_, i) => sizes[i] === byteLength);
  return {
    pings,
    sizes: SIZES.map(([byteLength]) => ({
      byteLength,
      oneWay: of(oneWays, byteLength),
      roundTrip: of(roundTrips, byteLength),
    })),
  };
}

export async function run() {
  const batches = new Map(SIZES.map(([byteLength]) => [byteLength, batchOf(byteLength)]));
  const us = (ns) => (ns / 1e3).toFixed(1);
  for (const peer of benchPeers()) {
    const { pings, sizes } = await measure(peer, batches);
    const base = median(pings);
    printTable(
      `handoff: node -> ${peer.language}, us`,
      ['batch', 'one way p50', 'p99', 'round trip p50', 'p99', 'x ping-pong'],
      [
        ['32-byte ping-pong', '', '', us(base), us(quantile(pings, 0.99)), '1.00'],
        ...sizes.map(({ byteLength, oneWay, roundTrip }) => [
          bytesText(byteLength),
          us(median(oneWay)),
          us(quantile(oneWay, 0.99)),
          us(median(roundTrip)),
          us(quantile(roundTrip, 0.99)),
          (median(roundTrip) / base).toFixed(2),
        ]),
      ],
    );
  }
}

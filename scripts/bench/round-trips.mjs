// What `handoff` measures: bare ping-pongs, and handoffs one at a time.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { Server } from '../../dist/bridge/index.js';
import { BenchPeer } from './peers.mjs';
import { schema } from './tables.mjs';

const MAX_BYTES = 2.5 * 2 ** 30;

/** Bare round trips of 32 bytes, one after the other. */
export function openPing(peerKind) {
  const peer = new BenchPeer(peerKind, ['echo']);
  const socket = new Socket({ fd: peer.fd, readable: true, writable: true });
  const bytes = Buffer.alloc(32);
  return {
    /** Its time in ns. */
    once() {
      return new Promise((resolve) => {
        const begin = process.hrtime.bigint();
        socket.once('data', () => resolve(Number(process.hrtime.bigint() - begin)));
        socket.write(bytes);
      });
    },
    async close() {
      socket.end();
      await peer.end();
    },
  };
}

/** A stream that one peer reads, batch by batch; the descriptor's way there and the release's way back are measured. */
export async function openStream(peerKind) {
  const peer = new BenchPeer(peerKind, ['read']);
  const server = new Server({ maxBytes: MAX_BYTES, inlineBelow: 0, idleMs: 600_000 });
  await server.adopt(peer.fd, peer);
  const stream = server.publish('bench', schema);
  const sent = [];
  let released;
  const onSending = ({ pid, kind }) => {
    if (pid === peer.pid && kind === 'batch') sent.push(process.hrtime.bigint());
  };
  const onReleased = ({ pid }) => {
    if (pid === peer.pid) released?.(Number(process.hrtime.bigint() - sent.at(-1)));
  };
  subscribe('arrowlab:sending', onSending);
  subscribe('arrowlab:released', onReleased);
  const measured = async (hand) => {
    const back = new Promise((resolve) => {
      released = resolve;
    });
    await hand();
    return back;
  };
  return {
    /** Batches handed over so far. */
    get count() {
      return sent.length;
    },
    /** The round trip's time in ns, of a batch that is copied into the region just before. */
    once: (batch) => measured(() => stream.write(batch)),
    /** A batch of which nothing is touched but its first value; gives what hands it over and measures that. */
    async fill(rows) {
      const batch = await stream.allocate({ rows });
      batch.columns[0].values[0] = sent.length;
      return () => measured(() => batch.commit());
    },
    /** One-way times in ns, in the order of the batches. */
    async close() {
      await stream.end();
      const readable = await peer.line();
      await peer.end();
      await server.close();
      unsubscribe('arrowlab:sending', onSending);
      unsubscribe('arrowlab:released', onReleased);
      return readable.map((ns, i) => Number(BigInt(ns) - sent[i]));
    },
  };
}

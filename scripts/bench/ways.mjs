// The ways a batch goes from here to a peer that reads every column of it once.
import { closeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RecordBatchStreamWriter, Table, tableToIPC } from 'apache-arrow';
import { Server } from '../../dist/bridge/index.js';
import { StreamWriter } from '../../dist/ipc/index.js';
import { BenchPeer } from './peers.mjs';
import { schema } from './tables.mjs';

/** Batches that a RecordBatchStreamWriter takes in one turn of the event loop. Of 20, 50, 100, 200 and all at once, 50 and 100 did best. */
const STREAM_WRITER_TURN = 50;

/**
 * Through shared memory, to one peer or to several (`consumers`). `every`: after how many batches a peer says so; `read`: what it does with a batch,
 * `release` (the default), `glance` (reads one value), `forget` or `keep`; other options are the server's.
 */
export async function openShared(peerKind, { every, read = 'release', consumers = 1, ...options }) {
  const server = new Server({ idleMs: 600_000, ...options });
  const stream = server.publish('bench', schema, { retain: consumers > 1 ? 'all' : 'none' });
  const peers = Array.from({ length: consumers }, () => new BenchPeer(peerKind, ['shared', every, read]));
  for (const peer of peers) {
    await server.adopt(peer.fd, peer);
    await peer.mark();
  }
  return {
    peer: peers[0],
    peers,
    server,
    async send(batch, count) {
      for (let i = 0; i < count; i++) await stream.write(batch);
    },
    async close() {
      await stream.end();
      for (const peer of peers) await peer.end();
      await server.close();
    },
  };
}

/** Through a Unix socket, as well as it goes: straight from the columns, a large send buffer, and one buffer that the peer receives into again and again. */
export async function openSocket(peerKind, { every, read = 'release' }) {
  const peer = new BenchPeer(peerKind, ['socket', every, read], { showsBoth: true });
  await peer.mark();
  const writer = new StreamWriter(peer.fd, schema);
  return {
    peer,
    async send(batch, count) {
      for (let i = 0; i < count; i++) writer.write(batch);
    },
    async close() {
      writer.end();
      closeSync(peer.fd);
      await peer.end();
    },
  };
}

/** As `tableToIPC` makes it, one stream a batch, written to the peer's standard input. */
export async function openTableToIpc(peerKind, { every }) {
  const peer = new BenchPeer(peerKind, ['stdin', every], { stdin: 'pipe' });
  closeSync(peer.fd);
  await peer.mark();
  const { stdin } = peer.child;
  return {
    peer,
    async send(batch, count) {
      const table = new Table([batch]);
      for (let i = 0; i < count; i++) await new Promise((resolve) => stdin.write(tableToIPC(table), resolve));
    },
    async close() {
      stdin.end();
      await peer.end();
    },
  };
}

/** One `RecordBatchStreamWriter`, piped to the peer's standard input. */
export async function openStreamWriter(peerKind, { every, read = 'release' }) {
  const peer = new BenchPeer(peerKind, ['stdin', every, read], { stdin: 'pipe' });
  closeSync(peer.fd);
  await peer.mark();
  const writer = new RecordBatchStreamWriter();
  writer.pipe(peer.child.stdin);
  return {
    peer,
    async send(batch, count) {
      for (let i = 0; i < count; i++) {
        writer.write(batch);
        if (i % STREAM_WRITER_TURN === 0) await nextTurn(); // a long queue makes it slow
      }
    },
    async close() {
      writer.finish();
      await peer.end();
    },
  };
}

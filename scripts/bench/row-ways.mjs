// The ways rows go from here to Python, until it has read a value of every column.
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tableFromJSON, tableToIPC } from 'apache-arrow';
import { Server } from '../../dist/bridge/index.js';
import { BenchPeer, benchPeers } from './peers.mjs';
import { schema } from './sample-rows.mjs';

/** Undefined where Python is not installed. */
function rowsPeer() {
  const python = benchPeers().find(({ language }) => language === 'python');
  return python && { ...python, args: [fileURLToPath(new URL('rows_peer.py', import.meta.url))] };
}

export const hasPython = () => rowsPeer() !== undefined;

/** Appended to a stream's batches where Python reads them. `every`: after how many rows the peer says so; as many are sent at a time. */
export async function openRows(every, options = {}) {
  const peer = new BenchPeer(rowsPeer(), ['shared', every]);
  const server = new Server({ idleMs: 600_000, ...options });
  await server.adopt(peer.fd, peer);
  await peer.mark();
  const stream = server.publish('bench', schema);
  const writer = stream.rows(schema, { maxLatencyMs: 60_000 });
  return {
    peer,
    stream,
    async send(rows) {
      for (let i = 0; i < rows.length; i++) {
        const room = writer.append(rows[i]);
        if (room) await room;
      }
      await writer.flush();
    },
    async close() {
      await stream.end();
      await peer.end();
      await server.close();
    },
  };
}

/** As apache-arrow makes a table of them, one IPC stream at a time, through the peer's standard input. */
export async function openTableFromJson(every) {
  const peer = new BenchPeer(rowsPeer(), ['stdin', every], { stdin: 'pipe' });
  closeSync(peer.fd);
  await peer.mark();
  const { stdin } = peer.child;
  return {
    peer,
    send: (rows) => new Promise((resolve) => stdin.write(tableToIPC(tableFromJSON(rows)), resolve)),
    async close() {
      stdin.end();
      await peer.end();
    },
  };
}

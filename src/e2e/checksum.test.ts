import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  openSource,
  type PeerCommand,
  peerCommand,
  runTransfer,
  SharedWay,
  type TransferSource,
} from '../profile/index.js';
import { installed } from './installed.js';

const flights = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-200k.arrow', import.meta.url));
const nodePeer: PeerCommand = {
  command: process.execPath,
  args: [fileURLToPath(new URL('../../dist/profile/peer.js', import.meta.url))],
};

/** The flights' checksums and messages, but what lies in the region differs from them in one bit. */
function flipped(position: number): TransferSource {
  const source = openSource({ file: flights, batchRows: 1 });
  const bytes = readFileSync(flights);
  bytes[position]! ^= 1;
  return {
    ...source,
    checksums: () => source.checksums(),
    publish: (server, name) => server.publishIpc(name, bytes),
    close: () => source.close(),
  };
}

it.for(['python', 'rust', 'node'] as const)(
  'one flipped bit in the region makes the checksum of its column differ for %s',
  async (peer, { skip }) => {
    skip(!installed[peer]);
    const command = peer === 'node' ? nodePeer : peerCommand(peer);
    const source = flipped(readFileSync(flights).length - 100_000); // in the last column's values
    const way = new SharedWay(command, { maxBytes: 2 ** 30 });
    const report = await runTransfer(way, source, { consumers: 1, sleepMs: 0, signal: new AbortController().signal });
    source.close();
    const theirs = report.peers[0]!.checksums;
    const differing = Object.keys(theirs).filter((column) => theirs[column] !== report.checksums![column]);
    expect(report.checksumsEqual).toBe(false);
    expect(differing).toEqual(['2']);
  },
);

// Where it begins to pay to give a message a page of its own: round trips of small batches, inline and through the region.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, Server } from '../../dist/bridge/index.js';
import { bytesText } from './report.mjs';
import { interleave, median, timed } from './statistics.mjs';
import { batchOf, schema } from './tables.mjs';

const SIZES = [1, 2, 4, 8, 16, 32].map((kibibytes) => kibibytes * 1024);
const ROUNDS = 60;
const BATCHES = 50;

/** A stream from one endpoint to another in this process, over a real socket. */
async function openStream(path, inlineBelow) {
  const server = new Server({ inlineBelow });
  server.listen(path);
  const peer = await connect(path);
  const stream = server.publish('bench', schema);
  const subscription = peer.subscribe('bench');
  await subscription.schema;
  return {
    async send(batch) {
      for (let i = 0; i < BATCHES; i++) {
        const next = subscription.next();
        await stream.write(batch);
        const { value } = await next;
        value.getChildAt(0).get(0);
        value.release();
      }
    },
    async close() {
      await peer.close();
      await server.close();
    },
  };
}

export async function run(report) {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-bench-'));
  const inline = await openStream(join(folder, 'inline.sock'), 65_536);
  const region = await openStream(join(folder, 'region.sock'), 0);
  const rows = [];
  for (const byteLength of SIZES) {
    const batch = batchOf(byteLength);
    const times = await interleave(
      { inline: timed(() => inline.send(batch)), region: timed(() => region.send(batch)) },
      ROUNDS,
    );
    const us = (ns) => (median(ns) / 1e3 / BATCHES).toFixed(1);
    rows.push([
      bytesText(byteLength),
      us(times.inline),
      us(times.region),
      (median(times.region) / median(times.inline)).toFixed(2),
    ]);
  }
  await inline.close();
  await region.close();
  rmSync(folder, { recursive: true });
  report.table('one small batch there and read, us', ['batch', 'inline', 'region', 'region / inline'], rows);
}

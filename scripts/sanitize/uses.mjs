// Uses all of the addon, in the main thread and in a Worker, and ends: `node uses.mjs FOLDER`, FOLDER being a checkout with dist.
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';

const folder = process.argv[2];
const load = (path) => import(pathToFileURL(join(folder, 'dist', path)).href);
const { connect, listen } = await load('index.js');
const { native } = await load('native.js');
const { reclaimAll } = await load('bridge/reclaim.js');
const { makeVector, Table } = await import('apache-arrow');

const TIMES = 20;
const table = new Table({ price: makeVector(new Float64Array(100_000).fill(1)) });
const scratch = mkdtempSync(join(tmpdir(), 'arrowlab-uses-'));

async function exchange(path) {
  const server = await listen({ path });
  await server.publish('prices', table);
  for (let i = 0; i < TIMES; i++) {
    const peer = await connect(path);
    for await (const batch of peer.subscribe('prices')) {
      batch.data.children[0].values[0] = i; // a private page
      if (i % 2) batch.release();
    }
    await peer.close();
  }
  await reclaimAll();
  await server.close();
}

async function refuse() {
  const { Listener, Region, adopt, connect, detach, isAlive, refer, referred, socketPair } = native();
  const failures = [
    () => new Region(5),
    () => detach({}),
    () => refer({}),
    () => referred(2 ** 40),
    () => new Listener(join(scratch, 'no/such/folder'), new Region(4096), 'x', () => {}),
    () => new Region(4096).window(4096, 1),
    () => new Region(4096).populate(1, 1),
  ];
  for (const fail of failures) {
    try {
      fail();
    } catch (error) {
      if (!error.arrowlabName) throw error;
      continue;
    }
    throw new Error(`expected ${fail} to throw`);
  }
  const region = new Region(2 ** 20);
  await region.populate(0, 8192);
  const file = openSync(fileURLToPath(import.meta.url));
  region.readFrom(file, 0, 0, 100);
  closeSync(file);
  region.punch(0, 4096);
  region.residentBytes();
  detach(region.window(0, 4096));
  await connect(join(scratch, 'nobody'), region, 'x').catch(() => {});
  const [ours, theirs] = socketPair();
  closeSync(theirs);
  await adopt(ours, region, 'x', 0).catch(() => {});
  isAlive(-1);
  refer(region.window(0, 4096)); // for as long as the addon lives
  region.close();
}

await exchange(join(scratch, 'server'));
await refuse();
rmSync(scratch, { recursive: true });
if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: [folder] });
  const [code] = await once(worker, 'exit');
  if (code !== 0) throw new Error(`expected the Worker to end well, found exit code ${code}`);
}

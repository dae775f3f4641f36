import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Field, Float64, Schema, Utf8 } from 'apache-arrow';
import { afterEach, describe, expect, it } from 'vitest';
import { native } from '../native.js';
import { drain, footprint, MIB, useBridge } from './bridge.js';

const arrowlab = new URL('../../dist/index.js', import.meta.url).href;
const bridge = useBridge();

describe('a batch that worker threads fill', () => {
  /** A worker that opens the batch it is told of, runs `fill` with it, and says so. */
  function work(fill: string): Worker {
    const code = `const { parentPort } = require('node:worker_threads');
import(${JSON.stringify(arrowlab)}).then((arrowlab) => {
  parentPort.on('message', async (token) => {
    try {
      const batch = arrowlab.openBatch(token);
      ${fill}
      parentPort.postMessage('filled');
    } catch (error) { parentPort.postMessage(error.code); }
  });
});`;
    const worker = new Worker(code, { eval: true });
    workers.push(worker);
    return worker;
  }

  const workers: Worker[] = [];
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.terminate();
  });

  const two = new Schema([new Field('a', new Float64(), false), new Field('b', new Float64(), false)]);
  const fillColumn = (name: string, value: number) => `batch.column('${name}').values.fill(${value});`;

  it('holds what each of them wrote, and is out of their reach once it is committed', async () => {
    const server = await bridge.serve();
    const stream = server.publish('two', two, { retain: 'all' });
    const batch = await stream.allocate({ rows: 1_000 });
    const a = work(fillColumn('a', 1));
    const b = work(
      `${fillColumn('b', 2)} setInterval(() => { try { batch.column('b').values[0] = 3; } catch (error) { parentPort.postMessage(error.code); } }, 1);`,
    );
    a.postMessage(batch.token());
    b.postMessage(batch.token());
    const told = [once(a, 'message'), once(b, 'message')];
    expect((await Promise.all(told)).flat()).toEqual(['filled', 'filled']);
    const [refused] = [once(b, 'message')];
    await batch.commit();
    expect(await refused).toEqual(['ERR_ARROWLAB_RELEASED']);
    await stream.end();
    const peer = await bridge.meet();
    await drain(peer, 'two', (leased) => {
      const ends = ['a', 'b'].map((name) => leased.getChild(name)!.get(999));
      expect([leased.numRows, ...ends]).toEqual([1_000, 1, 2]);
    });
  });

  it('waits for a worker that is busy, and not for one that has ended', async () => {
    const server = await bridge.serve();
    const stream = server.publish('two', two, { retain: 'all' });
    const batch = await stream.allocate({ rows: 1_000 });
    const killed = work('globalThis.batch = batch;');
    killed.postMessage(batch.token());
    await once(killed, 'message');
    await killed.terminate();
    const busy = work(`parentPort.postMessage('open');
      const until = performance.now() + 300; while (performance.now() < until) batch.column('a').values[7] = 1;
      batch.column('a').values[7] = 2;`);
    busy.postMessage(batch.token());
    await once(busy, 'message');
    await batch.commit();
    await stream.end();
    await drain(await bridge.meet(), 'two', (leased) => expect(leased.getChild('a')!.get(7)).toBe(2));
    expect(stream.writtenRows).toBe(1_000);
  });

  it('cannot be opened by a token that is over', async () => {
    const server = await bridge.serve();
    const stream = server.publish('two', two, { retain: 'all' });
    const batch = await stream.allocate({ rows: 10 });
    const token = batch.token();
    await batch.commit();
    const late = work('');
    late.postMessage(token);
    expect(await once(late, 'message')).toEqual(['ERR_ARROWLAB_RELEASED']);
  });

  it('is not waited for by a worker that was opening it as it was committed', async () => {
    const server = await bridge.serve();
    // So many columns that the worker is still making them when the first window is there.
    const wide = new Schema(Array.from({ length: 3_000 }, (_, i) => new Field(`c${i}`, new Float64(), false)));
    const stream = server.publish('wide', wide, { retain: 'latest' });
    const opening = work('globalThis.batch = batch;');
    for (let i = 0; i < 5; i++) {
      const batch = await stream.allocate({ rows: 1 });
      const token = batch.token();
      const told = once(opening, 'message');
      opening.postMessage(token);
      while (native().sharedWindows(token.id) === 0);
      await batch.commit();
      expect(await told).toEqual(['filled']);
    }
    expect(stream.batches).toBe(5);
  });

  it('cannot be opened in another process, which has batches of the same numbers', async () => {
    const server = await bridge.serve();
    const stream = server.publish('two', two, { retain: 'all' });
    const token = () => JSON.stringify({ ...batch.token(), schema: [...batch.token().schema] });
    const batch = await stream.allocate({ rows: 10 });
    const other = bridge.node(`
const token = JSON.parse(await hear());
token.schema = Uint8Array.from(token.schema);
const server = await arrowlab.listen({ path: path + '-other' });
const { float64, schema } = arrowlab;
const stream = server.publish('two', schema({ a: float64(), b: float64() }), { retain: 'all' });
const held = [];
for (let id = 0; id < token.id; id = held.at(-1).token().id) held.push(await stream.allocate({ rows: 10 }));
held.at(-1).column('a').values.fill(1);
try { arrowlab.openBatch(token).column('a').values.fill(2); } catch (error) { say(error.code, error.message); }
say(held.at(-1).column('a').values[9]);
for (const batch of held) batch.abort();
await server.close();
`);
    other.say(token());
    expect(await other.line()).toMatch(new RegExp(`^ERR_ARROWLAB_RELEASED expected .* ${process.pid}:`));
    expect(await other.line()).toBe('1');
  });

  it('has the sizes it was declared with, whatever the names of its columns are', async () => {
    const server = await bridge.serve();
    const names = ['constructor', '__proto__', 'a'];
    const stream = server.publish('names', new Schema(names.map((name) => new Field(name, new Utf8(), false))));
    const dataBytes = JSON.parse('{ "__proto__": 1000, "a": 20 }') as Record<string, number>;
    using batch = await stream.allocate({ rows: 10, dataBytes });
    dataBytes.a = 10_000;
    const sizes = batch.columns.map(({ data }) => data!.length);
    expect(sizes).toEqual([160, 1000, 20]);
    const reader = work('parentPort.postMessage(batch.columns.map(({ data }) => data.length));');
    reader.postMessage(batch.token());
    expect(await once(reader, 'message')).toEqual([sizes]);
  });

  it('ends with the worker that allocated it, however that ended', async () => {
    const before = footprint().maps;
    const code = `const { parentPort } = require('node:worker_threads');
import(${JSON.stringify(arrowlab)}).then(async ({ float64, listen, schema }) => {
  const server = await listen({ path: ${JSON.stringify(`${bridge.path}-worker`)}, maxBytes: ${16 * MIB} });
  globalThis.batch = await server.publish('one', schema({ a: float64() })).allocate({ rows: 1000 });
  parentPort.postMessage(batch.token());
});`;
    const owner = new Worker(code, { eval: true });
    workers.push(owner);
    const [token] = await once(owner, 'message');
    expect(footprint().maps).toBeGreaterThan(before);
    const holder = work("globalThis.batch = batch; parentPort.on('message', () => batch.close());");
    holder.postMessage(token);
    await once(holder, 'message');
    await owner.terminate();
    expect(footprint().maps).toBeGreaterThan(before); // for who writes to it still
    const late = work('');
    late.postMessage(token);
    expect(await once(late, 'message')).toEqual(['ERR_ARROWLAB_RELEASED']);
    await holder.terminate();
    await expect.poll(() => footprint().maps).toBe(before);
  });

  it('keeps its memory from others until the worker has let go, also when it is given up', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const stream = server.publish('two', two, { retain: 'all' });
    const batch = await stream.allocate({ rows: MIB / 2 });
    const busy = work(`parentPort.postMessage('open'); const { values } = batch.column('a');
      const until = performance.now() + 300; while (performance.now() < until) values.fill(1);`);
    busy.postMessage(batch.token());
    await once(busy, 'message');
    batch.abort();
    expect(server.stats().usedBytes).toBeGreaterThan(8 * MIB);
    await expect.poll(() => server.stats().usedBytes).toBeLessThan(MIB);
  });
});

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Field, Float64, Schema } from 'apache-arrow';
import { afterEach, describe, expect, it } from 'vitest';
import { drain, MIB, useBridge } from './bridge.js';

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

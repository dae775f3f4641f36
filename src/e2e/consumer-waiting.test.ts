import { setTimeout as sleep } from 'node:timers/promises';
import { Dictionary, Int32, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { LeasedBatch, PublishedStream } from '../index.js';
import { firstPrice, MIB, priceSchema, pricesOf, useBridge } from './bridge.js';

const MAX_BYTES = 16 * MIB;
const TIMES = 20;
const bridge = useBridge();

/** Writes batches of 1 MiB, `TIMES` times as many as there is memory for, and ends the stream. */
async function writeMany(stream: PublishedStream): Promise<void> {
  for (let i = 0; i < (TIMES * MAX_BYTES) / MIB; i++) await stream.write(pricesOf(MIB, i));
  await stream.end();
}

const exhausted = { code: 'ERR_ARROWLAB_LEASES_EXHAUSTED' };

describe('a reader that forgets its batches', () => {
  // Sums what it reads and keeps nothing; releases nothing either.
  const FORGET = `
    const peer = await arrowlab.connect(path);
    let sum = 0;
    for await (const batch of peer.subscribe('prices')) sum += batch.getChild('price').get(0);
    await peer.close();`;
  const expected = String(Array.from({ length: (TIMES * MAX_BYTES) / MIB }, (_, i) => i).reduce((a, b) => a + b));

  it.each([
    ['the main thread', `${FORGET} say(sum);`],
    [
      'a Worker',
      `import { Worker } from 'node:worker_threads';
       new Worker(${JSON.stringify(`import(process.env.ARROWLAB).then(async (arrowlab) => {
         const path = process.env.SERVER; ${FORGET} console.log(String(sum)); })`)},
         { eval: true, env: { ...process.env, SERVER: path, ARROWLAB: ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)} } });`,
    ],
  ])('lets its producer write 20 times maxBytes, in %s', async (_, program) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES, waitTimeoutMs: 10_000 });
    const reader = bridge.node(program);
    await writeMany(server.publish('prices', priceSchema));
    expect(await reader.line()).toBe(expected);
  });

  it('gives back what it had of a stream that is over, when another one waits', async () => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES, waitTimeoutMs: 10_000 });
    const reader = bridge.node(`
      const peer = await arrowlab.connect(path);
      let batches = 0;
      for await (const batch of peer.subscribe('first')) batches++;
      say(batches);
      await hear();`);
    const first = server.publish('first', priceSchema);
    for (let i = 0; i < 10; i++) await first.write(pricesOf(MIB));
    await first.end();
    expect(await reader.line()).toBe('10');
    const peer = await bridge.meet();
    const reading = peer.readAll('second');
    const second = server.publish('second', priceSchema);
    for (let i = 0; i < 3; i++) await second.write(pricesOf(8 * MIB));
    await second.end();
    expect((await reading).numRows).toBe(3 * MIB);
  });
});

describe('a reader that keeps its batches', () => {
  it('beyond maxBytes fails with LEASES_EXHAUSTED, which says what to do; what it holds stays readable, and others go on', async () => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES, waitTimeoutMs: 20_000 });
    const stream = server.publish('prices', priceSchema);
    const peer = await bridge.meet();
    const subscription = peer.subscribe('prices');
    const batches: LeasedBatch[] = [];
    const reading = (async () => {
      for await (const batch of subscription) batches.push(batch);
    })();
    const writing = writeMany(stream).catch((error) => error);
    const failure = await reading.catch((error) => error);
    expect(failure).toMatchObject(exhausted);
    const held = batches.length * (MIB + 4096); // the message's header takes a page
    expect(failure.message).toMatch(
      new RegExp(`holds (${held}|${held + 4096}) bytes .* needs \\d+: release .*copy.*maxBytes`),
    );
    expect(batches.map(firstPrice)).toEqual(batches.map((_, i) => i));
    await expect(subscription.next()).rejects.toMatchObject(exhausted);
    for (const batch of batches) batch.release();
    const table = peer.readAll('prices'); // the connection goes on, and so does the stream
    await writing;
    expect((await table).numRows).toBeGreaterThan(0);
  });

  it('and lets another task release some of them in time is served', async () => {
    const server = await bridge.serve({ maxBytes: 4 * MIB });
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
    await subscription.schema;
    const writing = (async () => {
      for (let i = 0; i < 6; i++) await stream.write(pricesOf(MIB, i));
    })();
    const batches: LeasedBatch[] = [];
    for (let i = 0; i < 3; i++) batches.push((await subscription.next()).value!);
    for (let i = 3; i < 6; i++) {
      const next = subscription.next();
      await sleep(1_300);
      batches.shift()!.release();
      const { value } = await next;
      expect(firstPrice(value!)).toBe(i);
      batches.push(value!);
    }
    await writing;
  });

  it('that are retained as well is not taken for who holds twice as much', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const stream = server.publish('prices', priceSchema, { retain: 'latest' });
    const [slow, quick] = [(await bridge.meet()).subscribe('prices'), (await bridge.meet()).subscribe('prices')];
    await Promise.all([slow.schema, quick.schema]);
    await stream.write(pricesOf(6 * MIB, 0));
    const { value: first } = await slow.next();
    (await quick.next()).value!.release();
    await stream.write(pricesOf(6 * MIB, 1));
    const { value: last } = await quick.next();
    const next = quick.next();
    const writing = stream.write(pricesOf(6 * MIB, 2));
    await sleep(3_500); // three times WAITING
    first!.release();
    await writing;
    expect(firstPrice((await next).value!)).toBe(2);
    last!.release();
  });

  it('of one stream does not end the reader of another', async () => {
    const server = await bridge.serve({ maxBytes: 8 * MIB });
    const peer = await bridge.meet();
    const greedy = server.publish('greedy', priceSchema);
    const held = peer.subscribe('greedy');
    const modest = server.publish('modest', priceSchema);
    const reader = peer.subscribe('modest');
    await Promise.all([held.schema, reader.schema]);
    await greedy.write(pricesOf(4 * MIB));
    const { value: batch } = await held.next();
    const next = reader.next();
    const writing = modest.write(pricesOf(6 * MIB, 5));
    await sleep(3_500); // three times WAITING
    batch!.release();
    await writing;
    expect(firstPrice((await next).value!)).toBe(5);
  });
});

it('a reader that has released its batches goes on while another one is waited for, although its dictionary is leased', async () => {
  const words = (count: number) => {
    const type = new Dictionary(new Utf8(), new Int32());
    const values = Array.from({ length: count }, (_, i) => `${i % 2 ? 'odd' : 'even'} ${'x'.repeat(60)}`);
    return new Table({ word: vectorFromArray(values, type) });
  };
  const server = await bridge.serve({ maxBytes: 2 * MIB });
  const stream = server.publish('words', words(1).schema, { retain: 'latest' });
  const [slow, fast] = [(await bridge.meet()).subscribe('words'), (await bridge.meet()).subscribe('words')];
  await Promise.all([slow.schema, fast.schema]);
  await stream.write(words(300_000));
  const { value: held } = await slow.next();
  (await fast.next()).value!.release();
  const next = fast.next();
  const writing = stream.write(words(200_000));
  await sleep(3_500); // three times WAITING
  held!.release();
  await writing;
  expect((await next).value!.numRows).toBe(200_000);
  expect((await slow.next()).value!.numRows).toBe(200_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  Dictionary,
  Field,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { expect, it } from 'vitest';
import type { ListenOptions, Peer, Server } from '../index.js';
import { priceSchema, prices, useBridge } from './bridge.js';

// Sequences of events that once went wrong.

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const words = (values: string[]) =>
  new Table({ word: vectorFromArray(values, new Dictionary(new Utf8(), new Int32())) });

/** A column whose second offset lies beyond the data. */
function brokenText(): Table {
  const valueOffsets = Int32Array.of(0, 100, 3, 3);
  const data = makeData({ type: new Utf8(), length: 3, valueOffsets, data: Buffer.from('abc') });
  const fields = [new Field('text', new Utf8(), false)];
  const struct = makeData({ type: new Struct(fields), length: 3, children: [data] });
  return new Table(new Schema(fields), [new RecordBatch(new Schema(fields), struct)]);
}

const bridge = useBridge();
let server: Server;
let peer: Peer;

async function meet(options: Omit<ListenOptions, 'path'> = {}): Promise<void> {
  server = await bridge.serve(options);
  peer = await bridge.meet();
}

it('what cannot be read is an error, not a short stream, although the end of the stream has come', async () => {
  await meet();
  await server.publish('text', brokenText());
  const subscription = peer.subscribe('text', { validate: 'full' });
  await subscription.schema;
  await sleep(50); // so that END is there before the batch is looked at
  await expect(subscription.readAll()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_DATA_INVALID' });
  // The connection is over, and says why.
  expect(() => peer.subscribe('text')).toThrow(
    expect.objectContaining({
      code: 'ERR_ARROWLAB_CLOSED',
      cause: expect.objectContaining({ code: 'ERR_ARROWLAB_DATA_INVALID' }),
    }),
  );
});

it('what has arrived can be read after the server has closed, and tells where it lies', async () => {
  await meet();
  await server.publish('prices', new Table([prices(50_000), prices(50_000), prices(50_000)]));
  const subscription = peer.subscribe('prices');
  await subscription.schema;
  await sleep(50);
  await server.close();
  await sleep(50);
  const { value: batch } = await subscription.next();
  expect(peer.contains(batch!.data.children[0]!.values)).toBe(true);
  batch!.release();
  expect((await subscription.readAll()).numRows).toBe(100_000);
});

it('a dictionary that no batch uses yet survives garbage collection', async () => {
  await meet({ inlineBelow: 0, maxBytes: 2 ** 20 });
  const filler = server.publish('filler', priceSchema);
  const fillers = peer.subscribe('filler');
  await filler.write(prices(110_000));
  const { value: held } = await fillers.next();
  const table = words(Array.from({ length: 60_000 }, (_, i) => `${i % 2}`));
  const stream = server.publish('words', table.schema, { retain: 'latest' });
  const next = peer.subscribe('words').next();
  const writing = stream.write(table); // its dictionary fits beside what is held, its indices have to wait
  for (let i = 0; i < 10; i++) {
    await sleep(10);
    collectGarbage();
  }
  held!.release();
  await writing;
  expect((await next).value!.getChild('word')!.get(59_999)).toBe('1');
});

it('a schema that finds no room is sent when there is some', async () => {
  await meet({ maxBytes: 8 * 4096, inlineBelow: 0, waitTimeoutMs: 100 });
  await server.publish('full', new Table([prices(3_300)])); // with its priceSchema, all eight pages
  const stream = server.publish('prices', priceSchema, { retain: 'all' });
  await expect(stream.write(prices(1))).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
  server.unpublish('full');
  await stream.write(prices(1));
  await stream.end();
  expect((await peer.readAll('prices')).numRows).toBe(1);
});

it('retained pages count as pages: what does not fit beside them fails at once', async () => {
  await meet({ maxBytes: 2 ** 20 });
  const stream = server.publish('prices', priceSchema, { retain: 'all' });
  const write = async () => {
    for (let i = 0; i < 200; i++) await stream.write(prices(1_030));
  };
  await expect(write()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
});

it('closing gives back what was never read', async () => {
  await meet();
  await server.publish('prices', new Table([prices(50_000), prices(50_000)]));
  await peer.subscribe('prices').schema;
  await sleep(50);
  await peer.close();
  server.unpublish('prices');
  await expect.poll(() => server.stats().usedBytes).toBe(0);
});

it('several calls of next() at once are each answered, in order', async () => {
  await meet();
  const stream = server.publish('prices', priceSchema);
  const subscription = peer.subscribe('prices');
  const calls = [subscription.next(), subscription.next(), subscription.next()];
  await stream.write(prices(1));
  await stream.write(prices(2));
  await stream.end();
  expect((await Promise.all(calls)).map(({ value }) => value?.numRows)).toEqual([1, 2, undefined]);
});

it('failing a stream ends a write that is blocked, and reaches the consumer with a message of any length', async () => {
  await meet();
  const stream = server.publish('prices', priceSchema);
  const subscription = peer.subscribe('prices');
  await subscription.schema;
  const writing = (async () => {
    for (;;) await stream.write(prices(10));
  })();
  await sleep(100);
  await stream.fail(new Error(`the exchange is closed ${'é'.repeat(70_000)}`));
  await expect(writing).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
  await expect(subscription.readAll()).rejects.toMatchObject({
    code: 'ERR_ARROWLAB_STREAM_FAILED',
    message: expect.stringMatching(/^the exchange is closed é+$/),
  });
});

it('a signal that was given up before is ABORTED as well', async () => {
  await meet();
  const stream = server.publish('prices', priceSchema);
  await expect(stream.write(prices(1), { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ERR_ARROWLAB_ABORTED',
  });
});

it('a time of Infinity is no limit', async () => {
  await meet({ waitTimeoutMs: Number.POSITIVE_INFINITY, idleMs: Number.POSITIVE_INFINITY });
  const next = peer.subscribe('later', { timeoutMs: Number.POSITIVE_INFINITY }).next();
  await sleep(30);
  await server.publish('later', new Table([prices(3)]));
  expect((await next).value!.numRows).toBe(3);
});

it('a relay goes on when a dictionary is replaced whose batch it has released', async () => {
  await meet();
  const source = server.publish('source', words(['a']).schema, { retain: 'all' });
  const relay = server.publish('relay', words(['a']).schema, { retain: 'all' });
  for (const values of [
    ['a', 'b'],
    ['x', 'y'],
    ['p', 'q', 'r'],
  ])
    await source.write(words(values));
  await source.end();
  for await (const batch of peer.subscribe('source')) {
    await relay.write(batch);
    batch.release();
  }
  await relay.end();
  expect((await peer.readAll('relay')).getChild('word')!.toJSON()).toEqual(['a', 'b', 'x', 'y', 'p', 'q', 'r']);
});

it('a producer that writes without a pause lets others connect, subscribe and abort', async () => {
  server = await bridge.serve();
  const stream = server.publish('prices', priceSchema, { retain: 'latest' });
  const controller = new AbortController();
  const writing = (async () => {
    for (;;) await stream.write(prices(1), { signal: controller.signal });
  })();
  peer = await bridge.meet();
  const subscription = peer.subscribe('prices');
  for (let i = 0; i < 10; i++) (await subscription.next()).value!.release();
  controller.abort();
  await expect(writing).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
});

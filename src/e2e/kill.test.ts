import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { Server } from '../index.js';
import { drain, firstPrice, MIB, type Program, priceSchema, prices, pricesOf, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a reader that ends', () => {
  it.each([
    ['in a loop', 'for batch in peer.subscribe("prices"): pass'],
    ['as a table', 'table = peer.subscribe("prices").read_all()'],
  ])('with its last batch in a variable has read the stream (%s)', async (_, body) => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    bridge.python(`with arrowlab.connect(path) as peer:\n    ${body}`);
    for (let i = 0; i < 3; i++) await stream.write(pricesOf(MIB, i));
    await stream.end();
    await expect.poll(() => stream.readers, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => server.stats().usedBytes, { timeout: 10_000 }).toBeLessThan(MIB);
  });
});

const COUNT = 8;

/** Publishes `COUNT` batches of a mebibyte, kept for whoever comes. */
async function serveBatches(): Promise<Server> {
  const server = await bridge.serve({ maxBytes: 64 * MIB });
  const batches = Array.from({ length: COUNT }, (_, i) => pricesOf(MIB, i));
  await server.publish('prices', new Table(priceSchema, batches));
  return server;
}

/** Consumers that hold all batches, say "held", and at a word read them again and print the first value of each. */
const HOLD: Record<'node' | 'python', () => Program> = {
  python: () =>
    bridge.python(`
peer = arrowlab.connect(path)
held = list(peer.subscribe("prices"))
say("held")
hear()
say(*[int(batch.column(0)[0].as_py()) for batch in held])
hear()
`),
  node: () =>
    bridge.node(`
const peer = await arrowlab.connect(path);
const held = [];
for await (const batch of peer.subscribe('prices')) held.push(batch);
say('held');
await hear();
say(...held.map((batch) => batch.getChild('price').get(0)));
await hear();
`),
};

describe('a consumer that is killed', () => {
  it.each(['node', 'python'] as const)('gives its memory back; others notice nothing (%s)', async (language) => {
    const server = await serveBatches();
    const [victim, other] = [HOLD[language](), HOLD.python()];
    expect([await victim.line(), await other.line()]).toEqual(['held', 'held']);
    const here = await bridge.meet();
    const batches = [];
    for await (const batch of here.subscribe('prices')) batches.push(batch);
    await victim.kill();
    await expect
      .poll(() => Object.keys(server.stats().heldBytes).some((who) => who.includes(`${victim.pid}`)))
      .toBe(false);
    expect(batches.map(firstPrice)).toEqual([...Array(COUNT).keys()]);
    other.say('read');
    expect(await other.line()).toBe([...Array(COUNT).keys()].join(' '));
    for (const batch of batches) batch.release();
    server.unpublish('prices');
    await other.kill();
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });
});

describe('a producer that is killed', () => {
  /** A producer that has written `COUNT` batches and not ended. */
  const produce = async (): Promise<Program> => {
    const producer = bridge.node(`
const server = await arrowlab.listen({ path, inlineBelow: 0 });
const stream = server.publish('prices', pricesOf(8).schema, { retain: 'all' });
for (let i = 0; i < ${COUNT}; i++) await stream.write(pricesOf(${MIB}, i));
say('written');
await hear();
`);
    expect(await producer.line()).toBe('written');
    return producer;
  };

  it('leaves what its consumers hold readable, and is PRODUCER_GONE to each, never a clean end (python)', async () => {
    const producer = await produce();
    const consumer = bridge.python(`
peer = arrowlab.connect(path)
stream = iter(peer.subscribe("prices"))
held = [next(stream)]
say("held")
hear()
try:
    for batch in stream:
        held.append(batch)
    say("a clean end")
except arrowlab.ProducerGone:
    say(*[int(batch.column(0)[0].as_py()) for batch in held])
`);
    expect(await consumer.line()).toBe('held');
    await producer.kill();
    consumer.say('read on');
    expect(await consumer.line()).toBe([...Array(COUNT).keys()].join(' '));
  });

  it('leaves what its consumers hold readable, and is PRODUCER_GONE to each, never a clean end (node)', async () => {
    const producer = await produce();
    const peer = await bridge.meet();
    const subscription = peer.subscribe('prices');
    const held = [(await subscription.next()).value!];
    await producer.kill();
    const readOn = async () => {
      for await (const batch of subscription) held.push(batch);
    };
    await expect(readOn()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' });
    expect(held.map(firstPrice)).toEqual([...Array(COUNT).keys()]);
    for (const batch of held) batch.release();
  });

  it('is PRODUCER_GONE to a consumer that waits for more (rust)', async () => {
    const producer = await produce();
    const consumer = bridge.rust();
    expect(JSON.parse(await consumer.line())).toMatchObject({ event: 'ready' });
    consumer.say('go');
    await sleep(200);
    await producer.kill();
    expect(JSON.parse(await consumer.line())).toMatchObject({ event: 'error', code: 'ERR_ARROWLAB_PRODUCER_GONE' });
  });
});

describe('a batch that outlives its closed connection', () => {
  it.each([
    [
      'python',
      () =>
        bridge.python(`
peer = arrowlab.connect(path)
stream = iter(peer.subscribe("prices"))
batch = next(stream)
peer.close()
say("closed")
hear()
say(batch.column(0).to_pylist() == [float(i) for i in range(${MIB / 8})])
del batch, stream
hear()
`),
    ],
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
const { value: batch } = await peer.subscribe('prices').next();
await peer.close();
say('closed');
await hear();
say(batch.getChild('price').toArray().every((value, i) => value === i) ? 'True' : 'False');
batch.release();
await hear();
`),
    ],
  ])('stays valid while the producer writes on for many times maxBytes (%s)', async (_, open) => {
    const maxBytes = 8 * MIB;
    const server = await bridge.serve({ maxBytes });
    const stream = server.publish('prices', priceSchema);
    const keeper = open();
    await stream.write(pricesOf(MIB));
    expect(await keeper.line()).toBe('closed');
    const peer = await bridge.meet();
    const reading = drain(peer, 'prices');
    await stream.write(prices(1));
    for (let i = 1; i <= (20 * maxBytes) / MIB; i++) await stream.write(pricesOf(MIB, -i * MIB));
    keeper.say('read');
    expect(await keeper.line()).toBe('True');
    await stream.end();
    await reading;
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });
});

describe('a consumer that is stopped', () => {
  it('stalls its own streams only', async () => {
    const server = await bridge.serve({ maxBytes: 32 * MIB });
    const stalled = server.publish('prices', priceSchema);
    const consumer = bridge.python(`
peer = arrowlab.connect(path)
count = 0
for batch in peer.subscribe("prices"):
    count += 1
    if count == 1:
        say("reading")
    del batch
say("read", count)
hear()
`);
    await stalled.write(pricesOf(MIB));
    expect(await consumer.line()).toBe('reading');
    await consumer.kill('SIGSTOP');
    let written = 1;
    const count = 100;
    const writing = (async () => {
      for (; written < count; written++) await stalled.write(pricesOf(MIB));
      await stalled.end();
    })();
    const other = server.publish('other', priceSchema);
    const peer = await bridge.meet();
    const reading = drain(peer, 'other');
    for (let i = 0; i < 200; i++) await other.write(pricesOf(MIB));
    await other.end();
    expect(await reading).toBe(200);
    expect(written).toBeLessThan(count);
    await consumer.kill('SIGCONT');
    await writing;
    expect(await consumer.line()).toBe(`read ${count}`);
    for (const { name } of [stalled, other]) server.unpublish(name);
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });
});

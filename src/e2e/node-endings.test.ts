import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Schema, Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { LeasedBatch, PublishedStream } from '../index.js';
import { awaitNative, callNative } from '../native.js';
import { Region } from '../region/index.js';
import { footprint, MIB, priceSchema, prices, pricesOf, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a stream', () => {
  it('of a schema that cannot be written reserves nothing', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const unwritable = { fields: [{ name: 'x', type: { typeId: 99 }, nullable: true }], metadata: new Map() };
    const options = { reserveBytes: '16MiB' };
    expect(() => server.publish('prices', unwritable as unknown as Schema, options)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' }),
    );
    expect(server.publish('prices', priceSchema, options).status().reservedBytes).toBe(16 * MIB);
  });

  it.each([
    ['fails', (stream: PublishedStream) => stream.fail(new Error('the exchange is closed'))],
    ['is unpublished', ({ name }: PublishedStream, unpublish: (name: string) => void) => unpublish(name)],
  ])('that %s while a write of it waits for memory ends that write, and the next in line is served', async (_, end) => {
    const server = await bridge.serve({ maxBytes: 4 * MIB, waitTimeoutMs: 10_000 });
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
    await subscription.schema;
    const held: LeasedBatch[] = [];
    for (let i = 0; i < 2; i++) {
      await stream.write(pricesOf(MIB, i));
      held.push((await subscription.next()).value!);
    }
    const writing = stream.write(pricesOf(3 * MIB));
    await expect.poll(() => server.stats().waiting.length).toBe(1);
    const next = server.publish('next', new Table([pricesOf(MIB)]));
    await expect.poll(() => server.stats().waiting.length).toBe(2);
    const ended = end(stream, (name) => server.unpublish(name));
    await expect(writing).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
    await ended;
    await next;
    expect(server.stats().waiting).toEqual([]);
    for (const batch of held) batch.release();
  });

  it('that fails in whatever moment of its end has failed for who comes late, or has ended for its producer too', async () => {
    const server = await bridge.serve();
    const peer = await bridge.meet();
    for (let ticks = 0; ticks < 10; ticks++) {
      const name = `prices ${ticks}`;
      const stream = server.publish(name, priceSchema, { retain: 'all' });
      await stream.write(prices(4));
      const code = (error: { code: string }) => error.code;
      const ended = stream.end().then(() => 'ended', code);
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      const failed = stream.fail(new Error('the exchange is closed')).then(() => 'failed', code);
      const read = peer.readAll(name).then(() => 'read', code);
      const seen = await Promise.all([ended, failed, read]);
      expect([
        ['ERR_ARROWLAB_CLOSED', 'failed', 'ERR_ARROWLAB_STREAM_FAILED'],
        ['ended', 'ERR_ARROWLAB_CLOSED', 'read'],
      ]).toContainEqual(seen);
    }
  });

  it('whose name was taken away knows when its last subscriber leaves', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    for (let i = 0; i < 100; i++) await stream.write(prices(4, i)); // more than the credit of who does not read
    const subscription = (await bridge.meet()).subscribe('prices');
    await subscription.schema;
    void stream.end();
    await expect.poll(() => stream.isEnded).toBe(true);
    server.unpublish('prices');
    expect(stream.subscribers).toBe(1);
    subscription.cancel();
    await expect.poll(() => stream.subscribers).toBe(0);
  });
});

describe('a listener of a server that throws', () => {
  it('troubles neither the peer nor the write that it is told of: the error is the process’s own', async () => {
    const program = bridge.node(`
process.on('uncaughtException', (error) => say(error.message));
const server = await arrowlab.listen({ path, maxBytes: '2MiB' });
server.on('peer', () => { server.publish('prices', new Table({})); });
server.on('waiting', () => { throw new Error('who waits?'); });
const stream = server.publish('prices', pricesOf(8).schema);
say('ready');
await stream.write(pricesOf(1 << 20));
await stream.write(pricesOf(1 << 20));
say('written');
await hear();
say(JSON.stringify({ ...server.stats(), residentBytes: 0, warmBytes: 0 }));
`);
    expect(await program.line()).toBe('ready');
    const peer = await bridge.meet();
    expect(await program.line()).toContain('"prices" published already');
    const subscription = peer.subscribe('prices');
    const { value: first } = await subscription.next();
    expect(await program.line()).toBe('who waits?');
    first!.release();
    (await subscription.next()).value!.release();
    await expect.poll(() => program.line()).toBe('written');
    await expect.poll(async () => (await peer.status()).region.usedBytes).toBe(0);
    program.say('go');
    expect(JSON.parse(await program.line())).toMatchObject({ usedBytes: 0, waiting: [] });
  });
});

describe('closing', () => {
  it('a connection whose producer is dead lets go what was never read', async () => {
    const program = bridge.node(`
const server = await arrowlab.listen({ path });
const stream = server.publish('prices', pricesOf(8).schema);
for (let i = 0; i < 4; i++) await stream.write(pricesOf(1 << 20, i));
say('written');
await hear();
`);
    await expect.poll(() => bridge.files().length).toBe(1);
    const before = footprint().maps;
    const peer = await bridge.meet();
    const subscription = peer.subscribe('prices');
    const { value: batch } = await subscription.next();
    expect(await program.line()).toBe('written');
    await program.kill();
    await peer.close();
    batch!.release();
    await expect.poll(() => footprint().maps).toBe(before);
    await expect(subscription.next()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' });
  });

  it('a server while a process that it started greets refuses it', async () => {
    const server = await bridge.serve();
    const [ours, theirs] = callNative((addon) => addon.socketPair());
    const adopting = server.adopt(ours!, { pid: process.pid, isAlive: () => true });
    const refused = expect(adopting).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
    const closing = server.close();
    const region = new Region({ maxBytes: MIB });
    const greeted = await awaitNative((addon) => addon.adopt(theirs!, region.native, 'started', 0));
    await refused;
    await closing;
    const socket = new Socket({ fd: greeted.fd });
    socket.resume();
    await once(socket, 'end'); // nobody has the other side any more
    closeSync(greeted.pidfd);
    greeted.mapping.close();
    region.close();
  });
});

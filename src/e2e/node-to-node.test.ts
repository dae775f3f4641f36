import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Dictionary,
  Field,
  Float64,
  Int32,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type LeasedBatch, type ListenOptions, listen, type Peer, type Server } from '../index.js';

const schema = new Schema([new Field('price', new Float64(), false)]);
const MIB = 2 ** 20;

/** A batch of `rows` prices that begin with `first`. */
function prices(rows: number, first = 0): RecordBatch {
  const values = Float64Array.from({ length: rows }, (_, i) => first + i);
  const column = makeData({ type: new Float64(), length: rows, data: values });
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, children: [column] }));
}

const firstPrice = (batch: RecordBatch) => batch.getChild('price')!.get(0) as number;

let folder: string;
let path: string;
let server: Server;
let peers: Peer[];

async function serve(options: Omit<ListenOptions, 'path'> = {}): Promise<Server> {
  server = await listen({ path, ...options });
  return server;
}

async function meet(): Promise<Peer> {
  const peer = await connect(path);
  peers.push(peer);
  return peer;
}

async function collect(peer: Peer, name: string): Promise<LeasedBatch[]> {
  const batches: LeasedBatch[] = [];
  for await (const batch of peer.subscribe(name)) batches.push(batch);
  return batches;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  path = join(folder, 'server.sock');
  peers = [];
});

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.close()));
  await server?.close();
  rmSync(folder, { recursive: true });
});

describe('a published table', () => {
  it('is read in place, with every value', async () => {
    await serve();
    await server.publish('prices', new Table([prices(100_000), prices(50_000, 7)]));
    const batches = await collect(await meet(), 'prices');
    expect(batches.map(({ numRows }) => numRows)).toEqual([100_000, 50_000]);
    expect(batches[1]!.getChild('price')!.toArray()).toEqual(prices(50_000, 7).getChild('price')!.toArray());
    expect(peers[0]!.contains(batches[0]!.data.children[0]!.values)).toBe(true);
    for (const batch of batches) batch.release();
  });

  it('stays for late readers until it is unpublished, then its memory comes back', async () => {
    await serve();
    await server.publish('prices', new Table([prices(100_000)]));
    for (let i = 0; i < 3; i++) expect((await (await meet()).readAll('prices')).numRows).toBe(100_000);
    expect(server.stats().usedBytes).toBeGreaterThan(0);
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('is refused under a name that is taken, and beyond maxBytes at once, naming what is retained', async () => {
    await serve({ maxBytes: MIB });
    await server.publish('prices', new Table([prices(50_000)]));
    expect(() => server.publish('prices', schema)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_STREAM_EXISTS' }),
    );
    await expect(
      server.publish('more', new Table([prices(50_000), prices(50_000), prices(50_000)])),
    ).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_MEMORY_LIMIT',
      message: expect.stringContaining('retained'),
    });
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });
});

describe('fan-out', () => {
  it.each([1, 4, 16])(
    'writes an extent once for %i consumers, who each get everything; it comes back once, when the last lease ends',
    async (count) => {
      await serve();
      const stream = server.publish('prices', schema, { retain: 'latest' });
      const readers = await Promise.all(Array.from({ length: count }, meet));
      const subscriptions = readers.map((peer) => peer.subscribe('prices'));
      await Promise.all(subscriptions.map((subscription) => subscription.schema));
      await stream.write(prices(100_000, 5));
      const late = (await meet()).subscribe('prices');
      const batches = await Promise.all(
        [...subscriptions, late].map(async (subscription) => (await subscription.next()).value!),
      );
      expect(batches.map(firstPrice)).toEqual(Array(count + 1).fill(5));
      const { usedBytes, heldBytes } = server.stats();
      expect(usedBytes).toBeLessThan(100_000 * 8 + 3 * 4096);
      expect(Object.keys(heldBytes).filter((holder) => holder.startsWith('peer'))).toHaveLength(1); // one process holds them all
      await stream.end();
      server.unpublish('prices');
      for (const [i, batch] of batches.entries()) {
        expect(server.stats().usedBytes).toBe(usedBytes);
        batch.release();
        if (i < batches.length - 1) await sleep(5);
      }
      await expect.poll(() => server.stats().usedBytes).toBe(0);
    },
  );
});

describe('a stream', () => {
  it('delivers batches in order and ends only at its end', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const reading = collect(await meet(), 'prices');
    for (let i = 0; i < 300; i++) await stream.write(prices(i % 3 === 0 ? 5_000 : 10, i));
    await stream.end();
    const batches = await reading;
    expect(batches.map(firstPrice)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    for (const batch of batches) batch.release();
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('fails at its consumer with the message it was failed with', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    await stream.write(prices(3));
    expect((await subscription.next()).value!.numRows).toBe(3);
    await stream.fail(new Error('the exchange is closed'));
    await expect(subscription.next()).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_STREAM_FAILED',
      message: 'the exchange is closed',
    });
  });

  it('that its producer leaves without an end is PRODUCER_GONE; what is held stays readable', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    await stream.write(prices(100_000, 3));
    const { value: batch } = await subscription.next();
    await server.close();
    await expect(subscription.next()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' });
    expect(firstPrice(batch!)).toBe(3);
    batch!.release();
  });

  it('waits for its first subscriber with the first write, and gives that up by signal', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    await expect(stream.write(prices(10), { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_ABORTED',
    });
    const writing = stream.write(prices(10, 42));
    const subscription = (await meet()).subscribe('prices');
    await writing;
    expect(firstPrice((await subscription.next()).value!)).toBe(42);
  });

  it('refuses a batch of another schema by name and goes on', async () => {
    await serve();
    const stream = server.publish('prices', schema, { retain: 'all' });
    const other = new Table({ delay: makeVector(Int32Array.of(1)) });
    await expect(stream.write(other)).rejects.toMatchObject({ code: 'ERR_ARROWLAB_SCHEMA_MISMATCH' });
    await stream.write(prices(2));
    await stream.end();
    expect((await (await meet()).readAll('prices')).numRows).toBe(2);
  });

  it('with retain "latest" gives a late subscriber the last batch with its dictionary', async () => {
    await serve();
    const words = (values: string[]) =>
      new Table({ word: vectorFromArray(values, new Dictionary(new Utf8(), new Int32())) });
    const first = words(['a', 'b']);
    const stream = server.publish('words', first.schema, { retain: 'latest' });
    await stream.write(first);
    await stream.write(words(['x', 'y', 'x']));
    const subscription = (await meet()).subscribe('words');
    const { value: batch } = await subscription.next();
    expect(batch!.getChild('word')!.toJSON()).toEqual(['x', 'y', 'x']);
  });

  it('leaves batches out for a slow subscriber when it is told to, and never holds up the writer', async () => {
    await serve();
    const stream = server.publish('prices', schema, { slow: 'drop' });
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    for (let i = 0; i < 200; i++) await stream.write(prices(10, i));
    await stream.end();
    const seen: number[] = [];
    for await (const batch of subscription) seen.push(firstPrice(batch));
    expect(seen.length).toBeLessThan(200);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('holds its writer up while a subscriber takes nothing, until the signal', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    const write = async () => {
      for (let i = 0; i < 200; i++) await stream.write(prices(10, i), { signal: AbortSignal.timeout(200) });
    };
    await expect(write()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
    let seen = 0;
    const reading = (async () => {
      for await (const _ of subscription) seen++;
    })();
    await stream.end();
    await reading;
    expect(seen).toBeGreaterThanOrEqual(63);
  });
});

describe('a subscription', () => {
  it('to a name that nobody publishes waits, and says so when its time is over', async () => {
    await serve();
    const peer = await meet();
    await expect(peer.subscribe('nothing', { timeoutMs: 50 }).next()).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_TIMEOUT',
      message: expect.stringContaining('"nothing"'),
    });
    const waiting = peer.readAll('later');
    await sleep(20);
    await server.publish('later', new Table([prices(7)]));
    expect((await waiting).numRows).toBe(7);
  });

  it('ends at break: nothing stays leased, and the connection goes on', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const peer = await meet();
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await stream.write(prices(20_000, i));
    })();
    for await (const batch of peer.subscribe('prices')) {
      batch.release();
      break;
    }
    await writing;
    await expect.poll(() => server.stats().usedBytes).toBe(0);
    await server.publish('flights', new Table([prices(3)]));
    expect((await peer.readAll('flights')).numRows).toBe(3);
  });

  it('releases what arrives after its cancel', async () => {
    await serve({ inlineBelow: 0 });
    await server.publish('prices', new Table([prices(20_000)]));
    const peer = await meet();
    peer.subscribe('prices').cancel(); // SUBSCRIBE and CANCEL leave in one write
    expect((await peer.readAll('prices')).numRows).toBe(20_000);
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('ends by signal', async () => {
    await serve();
    const controller = new AbortController();
    const subscription = (await meet()).subscribe('nothing', { signal: controller.signal });
    const next = subscription.next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
  });
});

describe('a leased batch', () => {
  async function lease(rows = 100_000): Promise<LeasedBatch> {
    await serve();
    await server.publish('prices', new Table([prices(rows, 1)]));
    const { value } = await (await meet()).subscribe('prices').next();
    server.unpublish('prices');
    return value!;
  }

  it.each([100_000, 10])(
    'of %i rows throws RELEASED on every call after its release, and vectors taken out of it read empty',
    async (rows) => {
      const batch = await lease(rows);
      const values = batch.data.children[0]!.values as Float64Array;
      batch.release();
      batch.release();
      const released = expect.objectContaining({ code: 'ERR_ARROWLAB_RELEASED' });
      for (const use of [
        () => batch.numRows,
        () => batch.get(0),
        () => batch.getChild('price'),
        () => batch.schema,
        () => batch.data,
        () => [...batch],
        () => batch.toArray(),
        () => batch.copy(),
        () => batch.hold(Promise.resolve()),
      ])
        expect(use).toThrow(released);
      expect(values.length).toBe(0);
      await expect.poll(() => server.stats().usedBytes).toBe(0);
    },
  );

  it('keeps its memory while a held promise is pending, although it was released', async () => {
    const batch = await lease();
    const values = batch.data.children[0]!.values as Float64Array;
    const held = batch.hold(sleep(50));
    batch.release();
    expect(values[2]).toBe(3);
    expect(server.stats().usedBytes).toBeGreaterThan(0);
    await held;
    await expect.poll(() => server.stats().usedBytes).toBe(0);
    expect(values.length).toBe(0);
  });

  it('is kept by its copy', async () => {
    const batch = await lease();
    const copy = batch.copy();
    batch.release();
    expect(copy.getChild('price')!.get(99_999)).toBe(100_000);
  });

  it('outlives its connection: the memory is not used again until it is released', async () => {
    const batch = await lease();
    const { usedBytes } = server.stats();
    await peers[0]!.close();
    await sleep(100);
    expect(server.stats().usedBytes).toBe(usedBytes);
    expect(firstPrice(batch)).toBe(1);
    batch.release();
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('hides nothing that comes later, although JavaScript wrote into it', async () => {
    await serve();
    const stream = server.publish('prices', schema);
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    for (let i = 1; i <= 5; i++) {
      await stream.write(prices(100_000, i));
      const { value: batch } = await subscription.next();
      expect(firstPrice(batch!)).toBe(i);
      (batch!.data.children[0]!.values as Float64Array).fill(-1);
      batch!.release();
      await expect.poll(() => server.stats().usedBytes).toBe(0);
    }
  });
});

describe('a leased batch that lies behind others', () => {
  it('hides nothing that comes later either', async () => {
    await serve();
    await server.publish('first', new Table([prices(200_000)]));
    const { usedBytes } = server.stats();
    const stream = server.publish('prices', schema);
    const subscription = (await meet()).subscribe('prices');
    await subscription.schema;
    for (let i = 1; i <= 3; i++) {
      await stream.write(prices(100_000, i));
      const { value: batch } = await subscription.next();
      expect(firstPrice(batch!)).toBe(i);
      (batch!.data.children[0]!.values as Float64Array).fill(-1);
      batch!.release();
      await expect.poll(() => server.stats().usedBytes).toBe(usedBytes);
    }
  });
});

describe('an endpoint', () => {
  it('refuses wrong arguments by name', async () => {
    await expect(connect(join(folder, 'nobody.sock'))).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CONNECT_FAILED' });
    await expect(connect('x'.repeat(200))).rejects.toMatchObject({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' });
    await expect(listen({ path: join(folder, 'no/such/folder.sock') })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_LISTEN_FAILED',
    });
    await expect(listen({ path, maxBytes: 'lots' })).rejects.toMatchObject({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' });
    await serve();
    await expect(listen({ path })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_LISTEN_FAILED',
      message: expect.stringContaining('listens there'),
    });
    expect(() => server.publish('', schema)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
    expect(() => server.unpublish('nothing')).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_STREAM_UNKNOWN' }));
    expect(() => server.publish('prices', schema, { retain: 'some' as 'all' })).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
  });
});

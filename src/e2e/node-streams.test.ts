import { Dictionary, Int32, makeVector, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { collect, drain, firstPrice, MIB, priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();

it('refuses what is no schema and no table by name, without waiting for anybody', async () => {
  const server = await bridge.serve();
  const stream = server.publish('prices', priceSchema);
  const unrecognised = expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' });
  expect(() => server.publish('other', undefined as never)).toThrow(unrecognised);
  expect(() => stream.rows(null as never)).toThrow(unrecognised);
  await expect(stream.write([{ price: 1 }] as never)).rejects.toEqual(unrecognised);
});

it('retains small messages within maxBytes too, which travel inline', async () => {
  const server = await bridge.serve({ maxBytes: MIB });
  const stream = server.publish('prices', priceSchema, { retain: 'all' });
  const write = async () => {
    for (let i = 0; i < 1_000; i++) await stream.write(prices(500));
  };
  await expect(write()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
  expect(stream.writtenBytes).toBeGreaterThan(0.9 * MIB);
  expect(stream.writtenBytes).toBeLessThanOrEqual(MIB);
});

it('gives a write up that waits for its turn', async () => {
  const server = await bridge.serve();
  const stream = server.publish('prices', priceSchema);
  const first = stream.write(prices(1)); // waits for a subscriber
  const second = stream.write(prices(2), { signal: AbortSignal.timeout(20) });
  await expect(second).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
  const batch = await stream.allocate({ rows: 1_000_000 });
  await expect(batch.commit({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    code: 'ERR_ARROWLAB_ABORTED',
  });
  expect(server.stats().usedBytes).toBeLessThan(1_000_000);
  await Promise.all([first, drain(await bridge.meet(), 'prices'), first.then(() => stream.end())]);
  expect(stream.writtenRows).toBe(1);
});

describe('a stream', () => {
  it('delivers batches in order and ends only at its end', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const reading = collect(await bridge.meet(), 'prices');
    for (let i = 0; i < 300; i++) await stream.write(prices(i % 3 === 0 ? 5_000 : 10, i));
    await stream.end();
    const batches = await reading;
    expect(batches.map(firstPrice)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    for (const batch of batches) batch.release();
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('fails at its consumer with the message it was failed with', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
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
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
    await subscription.schema;
    await stream.write(prices(100_000, 3));
    const { value: batch } = await subscription.next();
    await server.close();
    await expect(subscription.next()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' });
    expect(firstPrice(batch!)).toBe(3);
    batch!.release();
  });

  it('waits for its first subscriber with the first write, and gives that up by signal', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    await expect(stream.write(prices(10), { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_ABORTED',
    });
    const writing = stream.write(prices(10, 42));
    const subscription = (await bridge.meet()).subscribe('prices');
    await writing;
    expect(firstPrice((await subscription.next()).value!)).toBe(42);
  });

  it('counts as retained what it keeps for who comes late, and no more', async () => {
    const server = await bridge.serve({ maxBytes: '16MiB' });
    const stream = server.publish('prices', priceSchema, { retain: 'latest' });
    for (let i = 0; i < 40; i++) await stream.write(prices(100_000, i));
    const { retainedBytes, usedBytes } = stream.status();
    expect(retainedBytes).toBe(usedBytes);
    expect(retainedBytes).toBeGreaterThan(800_000);
    expect(retainedBytes).toBeLessThan(1_600_000);
    server.unpublish('prices');
    expect(stream.status()).toMatchObject({ retainedBytes: 0, usedBytes: 0 });
  });

  it('refuses a batch of another schema by name and goes on', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    const other = new Table({ delay: makeVector(Int32Array.of(1)) });
    await expect(stream.write(other)).rejects.toMatchObject({ code: 'ERR_ARROWLAB_SCHEMA_MISMATCH' });
    await stream.write(prices(2));
    await stream.end();
    expect((await (await bridge.meet()).readAll('prices')).numRows).toBe(2);
  });

  it('with retain "latest" gives a late subscriber the last batch with its dictionary', async () => {
    const server = await bridge.serve();
    const words = (values: string[]) =>
      new Table({ word: vectorFromArray(values, new Dictionary(new Utf8(), new Int32())) });
    const first = words(['a', 'b']);
    const stream = server.publish('words', first.schema, { retain: 'latest' });
    await stream.write(first);
    await stream.write(words(['x', 'y', 'x']));
    const subscription = (await bridge.meet()).subscribe('words');
    const { value: batch } = await subscription.next();
    expect(batch!.getChild('word')!.toJSON()).toEqual(['x', 'y', 'x']);
  });

  it('leaves batches out for a slow subscriber when it is told to, and never holds up the writer', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { slow: 'drop' });
    const subscription = (await bridge.meet()).subscribe('prices');
    await subscription.schema;
    for (let i = 0; i < 200; i++) await stream.write(prices(10, i));
    await stream.end();
    const seen: number[] = [];
    for await (const batch of subscription) seen.push(firstPrice(batch));
    expect(seen.length).toBeLessThan(200);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('holds its writer up while a subscriber takes nothing, until the signal', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
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

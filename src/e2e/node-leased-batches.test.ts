import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { LeasedBatch, Peer, Server } from '../index.js';
import { firstPrice, priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a leased batch', () => {
  let server: Server;
  let peer: Peer;

  async function lease(rows = 100_000): Promise<LeasedBatch> {
    server = await bridge.serve();
    await server.publish('prices', new Table([prices(rows, 1)]));
    peer = await bridge.meet();
    const { value } = await peer.subscribe('prices').next();
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
    await peer.close();
    await sleep(100);
    expect(server.stats().usedBytes).toBe(usedBytes);
    expect(firstPrice(batch)).toBe(1);
    batch.release();
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('hides nothing that comes later, although JavaScript wrote into it', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
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
    const server = await bridge.serve();
    await server.publish('first', new Table([prices(200_000)]));
    const { usedBytes } = server.stats();
    const stream = server.publish('prices', priceSchema);
    const subscription = (await bridge.meet()).subscribe('prices');
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

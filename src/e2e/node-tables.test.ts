import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { connect, listen } from '../index.js';
import { collect, firstPrice, MIB, priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a published table', () => {
  it('is read in place, with every value', async () => {
    const server = await bridge.serve();
    await server.publish('prices', new Table([prices(100_000), prices(50_000, 7)]));
    const peer = await bridge.meet();
    const batches = await collect(peer, 'prices');
    expect(batches.map(({ numRows }) => numRows)).toEqual([100_000, 50_000]);
    expect(batches[1]!.getChild('price')!.toArray()).toEqual(prices(50_000, 7).getChild('price')!.toArray());
    expect(peer.contains(batches[0]!.data.children[0]!.values)).toBe(true);
    for (const batch of batches) batch.release();
  });

  it('stays for late readers until it is unpublished, then its memory comes back', async () => {
    const server = await bridge.serve();
    await server.publish('prices', new Table([prices(100_000)]));
    for (let i = 0; i < 3; i++) expect((await (await bridge.meet()).readAll('prices')).numRows).toBe(100_000);
    expect(server.stats().usedBytes).toBeGreaterThan(0);
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('is refused under a name that is taken, and beyond maxBytes at once, naming what is retained', async () => {
    const server = await bridge.serve({ maxBytes: MIB });
    await server.publish('prices', new Table([prices(50_000)]));
    expect(() => server.publish('prices', priceSchema)).toThrow(
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
      const server = await bridge.serve();
      const stream = server.publish('prices', priceSchema, { retain: 'latest' });
      const readers = await Promise.all(Array.from({ length: count }, () => bridge.meet()));
      const subscriptions = readers.map((peer) => peer.subscribe('prices'));
      await Promise.all(subscriptions.map((subscription) => subscription.schema));
      await stream.write(prices(100_000, 5));
      const late = (await bridge.meet()).subscribe('prices');
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

describe('an endpoint', () => {
  it('refuses wrong arguments by name', async () => {
    await expect(connect(join(bridge.folder, 'nobody.sock'))).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_CONNECT_FAILED',
    });
    await expect(connect('x'.repeat(200))).rejects.toMatchObject({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' });
    await expect(listen({ path: join(bridge.folder, 'no/such/folder.sock') })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_LISTEN_FAILED',
    });
    await expect(listen({ path: bridge.path, maxBytes: 'lots' })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_INVALID_ARGUMENT',
    });
    const server = await bridge.serve();
    await expect(listen({ path: bridge.path })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_LISTEN_FAILED',
      message: expect.stringContaining('listens there'),
    });
    expect(() => server.publish('', priceSchema)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
    expect(() => server.unpublish('nothing')).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_STREAM_UNKNOWN' }));
    expect(() => server.publish('prices', priceSchema, { retain: 'some' as 'all' })).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
  });
});

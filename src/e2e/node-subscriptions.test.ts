import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a subscription', () => {
  it('to a name that nobody publishes waits, and says so when its time is over', async () => {
    const server = await bridge.serve();
    const peer = await bridge.meet();
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
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const peer = await bridge.meet();
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
    const server = await bridge.serve({ inlineBelow: 0 });
    await server.publish('prices', new Table([prices(20_000)]));
    const peer = await bridge.meet();
    peer.subscribe('prices').cancel(); // SUBSCRIBE and CANCEL leave in one write
    expect((await peer.readAll('prices')).numRows).toBe(20_000);
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it('ends by signal', async () => {
    const _server = await bridge.serve();
    const controller = new AbortController();
    const subscription = (await bridge.meet()).subscribe('nothing', { signal: controller.signal });
    const next = subscription.next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
  });
});

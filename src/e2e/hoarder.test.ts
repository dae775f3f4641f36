import { Table } from 'apache-arrow';
import { expect, it } from 'vitest';
import { MAX_LEASES } from '../bridge/ledger.js';
import { awaitNative } from '../native.js';
import { Region } from '../region/index.js';
import { encodeFrame } from '../wire/frames.js';
import { MIB, priceSchema, prices, useBridge } from './bridge.js';
import { RawSocket, READY } from './fuzzing/raw-socket.js';

const bridge = useBridge();

const BATCHES = 4_095;
const LEASES_EXHAUSTED = 54;

it('a peer that reads again and again and never releases is given so many leases and no more', async () => {
  const server = await bridge.serve({ inlineBelow: 0, maxBytes: 64 * MIB });
  await server.publish('prices', new Table(priceSchema, Array(BATCHES).fill(prices(1))));
  const region = new Region();
  const raw = new RawSocket(await awaitNative((addon) => addon.connect(bridge.path, region.native, 'hoarder')));
  const times = MAX_LEASES / (BATCHES + 1);
  const subscribe = (_: unknown, i: number) =>
    encodeFrame({ type: 'SUBSCRIBE', stream: 2 * i + 1, credit: BATCHES + 1, name: 'prices' });
  await raw.send(Buffer.concat([READY, ...Array.from({ length: times + 1 }, subscribe)]));
  await raw.expect('ERROR', 1);
  const errors = raw.received.filter((frame) => frame.type === 'ERROR');
  expect(errors).toMatchObject([{ stream: 2 * times + 1, number: LEASES_EXHAUSTED }]);
  expect(raw.received.filter((frame) => frame.type === 'END')).toHaveLength(times);
  // The others are served, and so is who releases.
  expect((await (await bridge.meet()).readAll('prices')).numRows).toBe(BATCHES);
  await raw.send(encodeFrame({ type: 'RELEASE', leases: [1n] }));
  await raw.send(encodeFrame({ type: 'SUBSCRIBE', stream: 2 * times + 3, credit: 1, name: 'prices' }));
  await raw.expect('DESCRIPTOR', MAX_LEASES + 1);
  await raw.finish();
  region.close();
});

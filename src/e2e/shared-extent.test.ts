import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Field, Float64, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type LeasedBatch, listen, type Peer, type PublishedStream, type Server } from '../index.js';

const ROWS = 100_000;
const schema = new Schema([new Field('price', new Float64(), false)]);

function prices(price: number): RecordBatch {
  const column = makeData({ type: new Float64(), length: ROWS, data: new Float64Array(ROWS).fill(price) });
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: ROWS, children: [column] }));
}

const valuesOf = (batch: LeasedBatch) => batch.data.children[0]!.values as Float64Array;
/** The first, a middle and the last price: on three pages. */
const sample = (values: Float64Array) => [values[0], values[ROWS / 2], values[ROWS - 1]];

describe('two leases of one extent in one process', () => {
  let folder: string;
  let server: Server;
  let stream: PublishedStream;
  let peer: Peer;
  /** What both subscriptions get of one write. */
  let share: (price: number) => Promise<[LeasedBatch, LeasedBatch]>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
    const path = join(folder, 'server.sock');
    server = await listen({ path, inlineBelow: 0 });
    peer = await connect(path);
    stream = server.publish('prices', schema);
    const [first, second] = [peer.subscribe('prices'), peer.subscribe('prices')];
    await Promise.all([first.schema, second.schema]);
    share = async (price) => {
      await stream.write(prices(price));
      return [(await first.next()).value!, (await second.next()).value!];
    };
  });

  afterEach(async () => {
    await peer.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('show what JavaScript wrote until the last of them is released, whichever that is', async () => {
    for (const order of [0, 1]) {
      const batches = await share(7);
      const [released, kept] = order === 0 ? batches : batches.toReversed();
      const values = valuesOf(kept!);
      expect(sample(values)).toEqual([7, 7, 7]);
      valuesOf(released!).fill(-1, 0, ROWS / 4);
      released!.release();
      expect(sample(values)).toEqual([-1, 7, 7]);
      expect(peer.contains(values)).toBe(true);
      kept!.release();
      expect(values.length).toBe(0);
    }
  });

  it('keep the extent from its producer until both are released; what is written there next is seen by both', async () => {
    for (let price = 1; price <= 5; price++) {
      const idle = server.stats().usedBytes;
      const [first, second] = await share(price);
      for (const batch of [first, second]) expect(sample(valuesOf(batch))).toEqual([price, price, price]);
      valuesOf(first).fill(-1);
      first.release();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(server.stats().usedBytes).toBeGreaterThan(idle);
      expect(sample(valuesOf(second))).toEqual([-1, -1, -1]);
      second.release();
      await expect.poll(() => server.stats().usedBytes).toBe(idle);
    }
  });
});

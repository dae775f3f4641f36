import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardGreeted, type Greeted, native } from '../native.js';
import { Holdings } from './holdings.js';
import type { LeasedMessage } from './incoming.js';
import { pressure } from './pressure.js';
import { reclaim, reclaimAll } from './reclaim.js';

const MIB = 2 ** 20;
const FORCED = 4; // perf_hooks' constants.NODE_PERFORMANCE_GC_FLAGS_FORCED

let greeted: Greeted[];
let regions: InstanceType<ReturnType<typeof native>['Region']>[];
let holdings: Holdings;
let released: number;
let lastLease: bigint;

/** The bytes of a message that a batch uses, which alone keep its lease. */
function read(byteLength = MIB): { message: LeasedMessage; bytes: Uint8Array } {
  lastLease++;
  const lease = { lease: lastLease, sequence: lastLease, offset: 0n, length: BigInt(byteLength) };
  const message = holdings.lease({ type: 'DESCRIPTOR', stream: 1, ...lease });
  message.keep();
  const bytes = message.bytes(0, message.byteLength);
  message.use();
  message.letGo();
  return { message, bytes };
}

/** How many collections on purpose there are while `body` runs. */
async function collectionsDuring(body: () => Promise<void>): Promise<number> {
  const entries: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  await body();
  await sleep(50); // entries come late
  observer.disconnect();
  return entries.filter((entry) => ((entry as unknown as { detail: { flags: number } }).detail.flags & FORCED) !== 0)
    .length;
}

beforeEach(async () => {
  const { Region, adopt, socketPair } = native();
  regions = [new Region(64 * MIB), new Region(64 * MIB)];
  greeted = await Promise.all(socketPair().map((fd, i) => adopt(fd, regions[i]!, 'test', 0)));
  released = 0;
  lastLease = 0n;
  holdings = new Holdings(greeted[0]!.mapping, () => released++);
  await reclaimAll();
});

afterEach(async () => {
  await reclaimAll();
  expect(pressure).toMatchObject({ windowBytes: 0, offsetBytes: 0 });
  for (const peer of greeted) discardGreeted(peer);
  for (const region of regions) region.close();
});

describe('who waits', () => {
  it('is given at once what was forgotten young', async () => {
    for (let i = 0; i < 10; i++) read();
    await reclaim(MIB);
    expect(released).toBeGreaterThan(7);
  });

  it('is given what only old garbage refers to, and what refers to itself', async () => {
    const old: { bytes?: Uint8Array; self?: object }[] = Array.from({ length: 10 }, () => ({}));
    await reclaimAll(); // they are old now
    old.forEach((one) => {
      Object.assign(one, { bytes: read().bytes, self: one });
    });
    old.length = 0;
    await reclaim(10 * MIB);
    expect(released).toBe(10);
  });

  it('is given what was forgotten although others release more', async () => {
    const old: { bytes?: Uint8Array }[] = [{}];
    await reclaimAll();
    old[0]!.bytes = read().bytes;
    old.length = 0;
    const before = released;
    for (let i = 0; i < 30 && holdings.count > 0; i++) {
      const waits = reclaim(MIB);
      for (let j = 0; j < 20; j++) read().message.leave();
      await waits;
      await sleep(100);
    }
    expect(holdings.count).toBe(0);
    expect(released).toBeGreaterThan(before);
  });

  it('costs nobody a collection where all that there is was released', async () => {
    const count = await collectionsDuring(async () => {
      for (let i = 0; i < 100; i++) {
        read().message.leave();
        await reclaim(MIB);
      }
    });
    expect(count).toBe(0);
  });
});

describe('windows that grow', () => {
  it('come back without anybody waiting, in a loop that forgets them in one turn', () => {
    let most = 0;
    for (let i = 0; i < 5_000; i++) {
      read();
      most = Math.max(most, pressure.windowBytes);
    }
    expect(most).toBeLessThan(256 * MIB);
  });

  it('come back in a loop in which only old garbage refers to them', async () => {
    let last: { bytes?: Uint8Array; before?: object } = {};
    let most = 0;
    for (let i = 0; i < 3_000; i++) {
      last = { bytes: read().bytes, ...(i % 100 === 0 ? {} : { before: last }) };
      most = Math.max(most, pressure.windowBytes);
      if (i % 10 === 0) await nextTurn();
    }
    expect(last.bytes).toHaveLength(MIB);
    expect(most).toBeLessThan(1_536 * MIB);
  });

  it('cost no collection where they are released in time, however large they are', async () => {
    const count = await collectionsDuring(async () => {
      for (let i = 0; i < 1_000; i++) read(64 * MIB).message.leave();
    });
    expect(count).toBe(0);
  });

  it('cost fewer and fewer collections while they are held', async () => {
    const held: Uint8Array[] = [];
    const count = await collectionsDuring(async () => {
      for (let i = 0; i < 1_000; i++) {
        held.push(read().bytes);
        if (i % 10 === 0) await nextTurn();
      }
    });
    expect(held).toHaveLength(1_000);
    expect(count).toBeLessThan(16);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardGreeted, type Greeted, native } from '../native.js';
import { Holdings } from './holdings.js';
import type { LeasedMessage } from './incoming.js';
import { pressure } from './pressure.js';
import { reclaimAll } from './reclaim.js';

const MIB = 2 ** 20;
const REGION_BYTES = 64 * MIB;

let greeted: Greeted[];
let regions: InstanceType<ReturnType<typeof native>['Region']>[];
let holdings: Holdings;
let released: bigint[];
let lastLease: bigint;

/** A message of `byteLength` bytes at `offset`, in the hands of a reader. */
function lease(byteLength = MIB, offset = 0): LeasedMessage {
  lastLease++;
  return holdings.lease({
    type: 'DESCRIPTOR',
    stream: 1,
    sequence: lastLease,
    lease: lastLease,
    offset: BigInt(offset),
    length: BigInt(byteLength),
  });
}

/** The bytes of a message that a batch uses, which alone keep its lease. */
function read(message: LeasedMessage): Uint8Array {
  message.keep();
  const bytes = message.bytes(0, message.byteLength);
  message.use();
  message.letGo();
  return bytes;
}

beforeEach(async () => {
  const { Region, adopt, socketPair } = native();
  regions = [new Region(REGION_BYTES), new Region(REGION_BYTES)];
  const sockets = socketPair();
  greeted = await Promise.all(sockets.map((fd, i) => adopt(fd, regions[i]!, 'test', 0)));
  const mine: bigint[] = [];
  released = mine;
  lastLease = 0n;
  holdings = new Holdings(greeted[0]!.mapping, (lease) => mine.push(lease));
});

afterEach(async () => {
  for (const peer of greeted) discardGreeted(peer);
  for (const region of regions) region.close();
});

describe('a lease that is forgotten', () => {
  it('comes back when its last window is collected, and not before', async () => {
    let bytes: Uint8Array | undefined = read(lease());
    await reclaimAll();
    expect(released).toEqual([]);
    expect(bytes[0]).toBe(0);
    bytes = undefined;
    await reclaimAll();
    expect(released).toEqual([1n]);
  });

  it('stays while a part of its bytes is kept by anything, although its message is not', async () => {
    let part: ArrayBuffer | undefined = read(lease()).subarray(5, 9).buffer as ArrayBuffer;
    await reclaimAll();
    expect(released).toEqual([]);
    expect(part.byteLength).toBe(MIB);
    part = undefined;
    await reclaimAll();
    expect(released).toEqual([1n]);
  });

  it('stays while a queue keeps its message, although nobody has its windows', async () => {
    const message = lease();
    message.keep();
    message.bytes(0, 8);
    await reclaimAll();
    expect(released).toEqual([]);
    expect(message.bytes(0, 8)).toHaveLength(8);
    message.letGo();
    expect(released).toEqual([1n]);
  });

  it('is released once, however its collection and its release meet', async () => {
    const message = lease();
    read(message);
    await sleep(1);
    message.leave();
    await reclaimAll();
    read(lease());
    await reclaimAll();
    expect(released).toEqual([1n, 2n]);
    expect(holdings.isEmpty).toBe(true);
  });
});

describe('leases', () => {
  it('come in growing order only', () => {
    lease();
    lastLease = 4n;
    lease();
    for (const wrong of [4n, 3n, 2n, -1n]) {
      lastLease = wrong;
      expect(() => lease()).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_SEQUENCE' }));
    }
    lastLease = 5n;
    expect(lease().byteLength).toBe(MIB);
  });

  it('are told from those of other streams, and those with the reader from those in the queue', () => {
    const message = lease();
    message.keep();
    expect(holdings.isWithReader(1)).toBe(false);
    const bytes = read(message);
    expect(holdings.isWithReader(1)).toBe(false);
    message.letGo();
    expect(holdings.isWithReader(1)).toBe(true);
    expect(holdings.isWithReader(3)).toBe(false);
    expect(bytes).toHaveLength(MIB);
  });
});

describe('what V8 counts', () => {
  /** V8's sum without what was lent to it. */
  const counted = () => native().adjustExternalMemory(0) - pressure.lentBytes;
  const COUNT = 50_000;
  /** V8 takes collected windows off its sum when it comes to sweep them. */
  const LATE = 64 * MIB;

  it('is as before after 100,000 windows that were released or collected', async () => {
    await reclaimAll();
    const before = counted();
    expect(pressure).toMatchObject({ windowBytes: 0, offsetBytes: 0 });
    const held = Array.from({ length: 40 }, (_, i) => lease(MIB, i * MIB)); // so that V8 is lent something
    for (const message of held) read(message);
    for (let i = 0; i < COUNT; i++) {
      const message = lease();
      read(message);
      message.leave();
    }
    for (const message of held) message.leave();
    expect(pressure).toMatchObject({ windowBytes: 0, offsetBytes: 0 });
    for (let i = 0; i < COUNT; i++) {
      read(lease());
      if (i % 50 === 0) await sleep(0);
    }
    await reclaimAll();
    await reclaimAll();
    expect(holdings.isEmpty).toBe(true);
    expect(released).toHaveLength(2 * COUNT + held.length);
    expect(pressure).toMatchObject({ windowBytes: 0, offsetBytes: 0 });
    expect(pressure.lentBytes).toBeGreaterThan(0);
    expect(Math.abs(counted() - before)).toBeLessThan(LATE);
  });

  it('does not grow with leases that are held, once a collection has been', async () => {
    const first = Array.from({ length: 40 }, (_, i) => lease(MIB, i * MIB));
    for (const message of first) read(message);
    await reclaimAll();
    for (const message of first) message.leave();
    const before = native().adjustExternalMemory(0);
    const held = Array.from({ length: 512 }, (_, i) => read(lease(MIB, (i % 64) * MIB)));
    expect(Math.abs(native().adjustExternalMemory(0) - before)).toBeLessThan(LATE);
    expect(held).toHaveLength(512);
  });
});

import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { PAGE_BYTES } from './allocator.js';
import type { Share } from './budget.js';
import type { Extent, Holder } from './extent.js';
import { parseByteLength } from './limits.js';
import { Region, type RegionOptions } from './region.js';

const MIB = 2 ** 20;
const holder = (name: string): Holder => ({ holder: name, sinceMs: performance.now() });

describe('Region', () => {
  let region: Region;
  let share: Share;
  const open = (options: RegionOptions) => {
    region = new Region(options);
    share = region.openShare('stream "prices"');
  };
  const allocate = (byteLength: number, writer: Holder, signal?: AbortSignal) =>
    region.allocate({ byteLength, writer, share, signal });
  afterEach(() => region.close());

  it('reuses the pages of an extent that came back: the resident bytes do not grow', async () => {
    open({ maxBytes: '64MiB' });
    const writer = holder('writer');
    const bytes = new Uint8Array(8 * MIB).fill(7);
    for (let i = 0; i < 20; i++) {
      const extent = await allocate(bytes.length, writer);
      extent.write(0, bytes);
      extent.drop(writer);
    }
    expect(region.stats()).toMatchObject({ residentBytes: 8 * MIB, warmBytes: 8 * MIB, usedBytes: 0 });
  });

  it('gives idle pages back to the system', async () => {
    open({ idleMs: 50 });
    const writer = holder('writer');
    (await allocate(8 * MIB, writer)).drop(writer);
    expect(region.stats().residentBytes).toBe(8 * MIB);
    await expect.poll(() => region.stats().residentBytes).toBe(0);
  });

  it('never has more resident than maxBytes, whatever sizes come and go', async () => {
    open({ maxBytes: '16MiB' });
    const writer = holder('writer');
    const held: Extent[] = [];
    for (const mebibytes of [3, 5, 2, 7, 1, 6, 4, 9, 2, 11, 16]) {
      while (region.stats().usedBytes + mebibytes * MIB > 16 * MIB) held.shift()!.drop(writer);
      const extent = await allocate(mebibytes * MIB, writer);
      extent.write(0, new Uint8Array(mebibytes * MIB).fill(1));
      held.push(extent);
      expect(region.stats().residentBytes).toBeLessThanOrEqual(16 * MIB);
    }
  });

  it('refuses at once what can never fit', async () => {
    open({ maxBytes: MIB });
    await expect(allocate(MIB + 1, holder('writer'))).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_MEMORY_LIMIT',
    });
  });

  it('lets writers wait in order, and serves them when memory comes back', async () => {
    open({ maxBytes: 4 * MIB });
    const reader = holder('peer python (pid 12), stream "prices"');
    const extent = await allocate(4 * MIB, reader);
    const order: string[] = [];
    const waiting = ['first', 'second'].map(async (name) => {
      const writer = holder(name);
      const served = await allocate(4 * MIB, writer);
      order.push(name);
      served.drop(writer);
    });
    await new Promise(setImmediate);
    expect(region.stats()).toMatchObject({
      heldBytes: { [reader.holder]: 4 * MIB },
      waiting: [{ holder: 'first' }, { holder: 'second' }],
    });
    extent.drop(reader);
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'second']);
    expect(region.stats()).toMatchObject({ usedBytes: 0, waiting: [] });
  });

  it('says that a write waits, at once and while it waits', async () => {
    open({ maxBytes: MIB });
    const reader = holder('reader');
    const extent = await allocate(MIB, reader);
    const waits: number[] = [];
    const writer = holder('writer');
    const onWaiting = ({ waitedMs }: { waitedMs: number }) => waits.push(waitedMs);
    const waiting = region.allocate({ byteLength: MIB, writer, share, onWaiting });
    await expect.poll(() => waits.length, { timeout: 5_000 }).toBe(3);
    extent.drop(reader);
    (await waiting).drop(writer);
    expect(waits[0]).toBe(0);
    expect(waits[2]).toBeGreaterThan(waits[1]!);
  });

  it('serves a stream from its reservation although a greedy one has all the rest and waits', async () => {
    open({ maxBytes: 16 * MIB });
    const modest = region.openShare('stream "modest"', { reservedBytes: 2 * MIB });
    const greedy = holder('greedy');
    for (let i = 0; i < 14; i++) await allocate(MIB, greedy);
    const refused = allocate(MIB, greedy);
    expect(region.stats()).toMatchObject({ usedBytes: 14 * MIB, waiting: [{ holder: 'greedy' }] });
    const reader = holder('reader');
    for (let i = 0; i < 5; i++) {
      const extents = [MIB, MIB].map((byteLength) => region.allocate({ byteLength, writer: reader, share: modest }));
      for (const extent of await Promise.all(extents)) extent.drop(reader);
    }
    expect(region.stats()).toMatchObject({ usedBytes: 14 * MIB, waiting: [{ holder: 'greedy' }] });
    region.closeShare(modest);
    await expect(refused).resolves.toMatchObject({ byteLength: MIB });
  });

  it('serves who waits for its own reservation although somebody is before it in line', async () => {
    open({ maxBytes: 8 * MIB });
    const modest = region.openShare('stream "modest"', { reservedBytes: MIB });
    const reader = holder('reader');
    const extent = await region.allocate({ byteLength: MIB, writer: reader, share: modest });
    await allocate(6 * MIB, holder('greedy'));
    void allocate(2 * MIB, holder('greedy')).catch(() => {});
    const next = region.allocate({ byteLength: MIB, writer: reader, share: modest });
    expect(region.stats().waiting).toMatchObject([{ holder: 'greedy' }, { holder: 'reader' }]);
    extent.drop(reader);
    await expect(next).resolves.toMatchObject({ byteLength: MIB });
    expect(region.stats().waiting).toMatchObject([{ holder: 'greedy' }]);
  });

  it('ends a wait after its time with an error that names who holds what', async () => {
    open({ maxBytes: MIB, waitTimeoutMs: 30 });
    await allocate(MIB, holder('peer python (pid 12), stream "prices"'));
    const error = await allocate(PAGE_BYTES, holder('writer')).catch((error) => error);
    expect(error.code).toBe('ERR_ARROWLAB_TIMEOUT');
    expect(error.message).toContain('peer python (pid 12), stream "prices" holds 1048576 bytes');
    expect(region.stats().waiting).toEqual([]);
  });

  it('ends a wait when the signal says so, and when the region closes', async () => {
    open({ maxBytes: MIB });
    await allocate(MIB, holder('reader'));
    const controller = new AbortController();
    const aborted = allocate(PAGE_BYTES, holder('writer'), controller.signal);
    const closed = allocate(PAGE_BYTES, holder('writer'));
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    region.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
  });

  it('ends the waits of a stream that ends, and lets the next in line have what there is', async () => {
    open({ maxBytes: 4 * MIB });
    await allocate(3 * MIB, holder('reader'));
    const ended = [2 * MIB, PAGE_BYTES].map((byteLength) => allocate(byteLength, holder('writer')));
    const other = region.openShare('stream "other"', { reservedBytes: 0 });
    const next = region.allocate({ byteLength: MIB, writer: holder('next'), share: other });
    region.closeShare(share);
    for (const wait of ended) await expect(wait).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
    await expect(next).resolves.toMatchObject({ byteLength: MIB });
    expect(region.stats()).toMatchObject({ usedBytes: 4 * MIB, waiting: [] });
  });

  it('leaves nothing on the signal of a wait that was served, and serves who comes next when one is given up', async () => {
    open({ maxBytes: 4 * MIB });
    const [reader, small] = [holder('reader'), region.openShare('stream "small"', { reservedBytes: 0 })];
    const extent = await allocate(3 * MIB, reader);
    const controller = new AbortController();
    const served = allocate(2 * MIB, holder('served'), controller.signal);
    extent.drop(reader);
    await served;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const large = allocate(3 * MIB, holder('large'), controller.signal);
    const next = region.allocate({ byteLength: MIB, writer: holder('next'), share: small });
    expect(region.stats().waiting).toMatchObject([{ holder: 'large' }, { holder: 'next' }]);
    controller.abort();
    await expect(large).rejects.toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
    await expect(next).resolves.toMatchObject({ byteLength: MIB });
  });

  it('keeps an extent until its last holder lets go', async () => {
    open({});
    const [writer, one, two] = [holder('writer'), holder('one'), holder('two')];
    const extent = await allocate(PAGE_BYTES, writer);
    extent.hold(one);
    extent.hold(two);
    extent.drop(writer);
    extent.drop(one);
    expect(region.stats().usedBytes).toBe(PAGE_BYTES);
    extent.drop(two);
    expect(region.stats().usedBytes).toBe(0);
  });
});

describe('parseByteLength', () => {
  it.each([
    ['2GiB', 2 * 2 ** 30],
    ['512 MiB', 512 * MIB],
    ['1.5KiB', 1536],
    ['10MB', 1e7],
    [4096, 4096],
    ['77', 77],
  ])('reads %s', (text, bytes) => expect(parseByteLength(text, 'maxBytes')).toBe(bytes));

  it.each(['', 'lots', '-1', '2 gibibytes', Number.NaN, -5])('refuses %s', (text) => {
    expect(() => parseByteLength(text, 'maxBytes')).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
  });
});

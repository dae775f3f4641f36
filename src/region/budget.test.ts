import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_BYTES } from './allocator.js';
import { Budget, type Share } from './budget.js';

const MAX_BYTES = 256 * PAGE_BYTES;

describe('Budget', () => {
  it('keeps maxBytes and every reservation, whatever comes, goes and ends', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            stream: fc.nat(5),
            pages: fc.integer({ min: 1, max: 8 }),
            what: fc.constantFrom('take', 'take', 'take', 'give', 'give', 'end'),
            isFirst: fc.boolean(),
          }),
          { maxLength: 200 },
        ),
        (steps) => {
          const budget = new Budget(MAX_BYTES);
          const open = (): Share => budget.open('stream', { reservedBytes: 16 * PAGE_BYTES });
          const streams = Array.from({ length: 6 }, () => ({ share: open(), extents: [] as number[] }));
          for (const { stream, pages, what, isFirst } of steps) {
            const { share, extents } = streams[stream]!;
            if (what === 'take' && budget.admits(share, pages * PAGE_BYTES, isFirst)) {
              budget.charge(share, pages * PAGE_BYTES);
              extents.push(pages * PAGE_BYTES);
            } else if (what === 'give' && extents.length > 0) budget.discharge(share, extents.shift()!);
            else if (what === 'end') {
              budget.close(share);
              for (const byteLength of extents) budget.discharge(share, byteLength);
              streams[stream] = { share: open(), extents: [] };
            }
            const used = streams.flatMap(({ extents }) => extents).reduce((sum, byteLength) => sum + byteLength, 0);
            expect(budget.usedBytes).toBe(used);
            expect(used).toBeLessThanOrEqual(MAX_BYTES);
            for (const { share } of streams) {
              const own = share.reservedBytes - share.usedBytes;
              if (own > 0) expect(budget.admits(share, own, false)).toBe(true);
            }
          }
        },
      ),
    );
  });

  it('lets a stream that holds nothing write a message that is larger than what reservations leave', () => {
    const budget = new Budget(MAX_BYTES);
    budget.open('other', { reservedBytes: MAX_BYTES / 2 });
    const share = budget.open('large');
    budget.checkPossible(share, MAX_BYTES);
    expect(budget.admits(share, MAX_BYTES, true)).toBe(true);
  });

  it('refuses that to a stream that keeps what it writes: the others would never get their parts back', () => {
    const budget = new Budget(MAX_BYTES);
    budget.open('other', { reservedBytes: MAX_BYTES / 4 });
    const share = budget.open('table', { reservedBytes: 0, isRetaining: true });
    expect(() => budget.checkPossible(share, MAX_BYTES)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }),
    );
    expect(budget.admits(share, MAX_BYTES, true)).toBe(false);
    expect(budget.admits(share, (3 * MAX_BYTES) / 4, true)).toBe(true);
  });

  it('refuses what no wait can make room for: beyond maxBytes, or beside what is retained and reserved', () => {
    const budget = new Budget(MAX_BYTES);
    const share = budget.open('prices', { reservedBytes: 0, isRetaining: true });
    const limit = expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
    expect(() => budget.checkPossible(share, MAX_BYTES + PAGE_BYTES)).toThrow(limit);
    budget.open('other', { reservedBytes: MAX_BYTES / 4 });
    budget.charge(share, MAX_BYTES / 2);
    budget.checkPossible(share, MAX_BYTES / 2);
    share.retainedBytes = MAX_BYTES / 2;
    expect(() => budget.checkPossible(share, MAX_BYTES / 4 + PAGE_BYTES)).toThrow(limit);
    budget.checkPossible(share, MAX_BYTES / 4);
  });

  it('tells whether what one holder has stands in the way by itself', () => {
    const budget = new Budget(MAX_BYTES);
    const share = budget.open('prices', { reservedBytes: MAX_BYTES / 8 });
    const other = budget.open('other', { reservedBytes: MAX_BYTES / 4 });
    budget.charge(share, MAX_BYTES / 2);
    expect(budget.isBlockedBy(share, MAX_BYTES / 4, MAX_BYTES / 2)).toBe(false);
    expect(budget.isBlockedBy(share, MAX_BYTES / 4 + PAGE_BYTES, MAX_BYTES / 2)).toBe(true);
    other.retainedBytes = MAX_BYTES / 2;
    expect(budget.isBlockedBy(share, PAGE_BYTES, MAX_BYTES / 2)).toBe(true);
    expect(budget.isBlockedBy(share, PAGE_BYTES, MAX_BYTES / 8 - PAGE_BYTES)).toBe(false);
  });

  it('reserves by default no more than half for all, and refuses a reservation that does not fit', () => {
    const budget = new Budget(MAX_BYTES);
    const shares = Array.from({ length: 100 }, () => budget.open('stream'));
    expect(shares[0]!.reservedBytes).toBe(MAX_BYTES / 16);
    expect(shares.reduce((sum, { reservedBytes }) => sum + reservedBytes, 0)).toBeLessThanOrEqual(
      MAX_BYTES / 2 + 100 * PAGE_BYTES,
    );
    expect(() => budget.open('large', { reservedBytes: MAX_BYTES })).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }),
    );
  });

  it('opens a stream that reserves nothing although retained and reserved bytes exceed maxBytes', () => {
    const budget = new Budget(MAX_BYTES);
    budget.open('other');
    const table = budget.open('table');
    budget.charge(table, MAX_BYTES);
    table.retainedBytes = MAX_BYTES;
    for (const reservedBytes of [0, undefined]) expect(budget.open('late', { reservedBytes }).reservedBytes).toBe(0);
  });
});

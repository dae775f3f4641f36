import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, PAGE_BYTES, type Place } from './allocator.js';

describe('Allocator', () => {
  it('never gives a byte to two, and gets everything back in one piece, whatever the order', () => {
    const pages = 64;
    fc.assert(
      fc.property(
        fc.array(fc.record({ pages: fc.integer({ min: 1, max: 12 }), give: fc.nat(), cool: fc.nat(8) }), {
          maxLength: 120,
        }),
        (steps) => {
          const allocator = new Allocator(pages * PAGE_BYTES);
          const taken: Place[] = [];
          const owner = new Array<number>(pages).fill(0);
          const mark = (place: Place, from: number, to: number) => {
            for (let page = place.offset / PAGE_BYTES; page < (place.offset + place.byteLength) / PAGE_BYTES; page++) {
              expect(owner[page]).toBe(from);
              owner[page] = to;
            }
          };
          for (const step of steps) {
            const place = allocator.take(step.pages * PAGE_BYTES);
            if (place) {
              mark(place, 0, 1);
              taken.push(place);
            }
            if (step.give % 2 && taken.length > 0) {
              const [returned] = taken.splice(step.give % taken.length, 1);
              mark(returned!, 1, 0);
              allocator.give(returned!);
            }
            allocator.cool(step.cool * PAGE_BYTES);
          }
          for (const place of taken) allocator.give(place);
          allocator.cool(Number.MAX_SAFE_INTEGER);
          expect(allocator.take(pages * PAGE_BYTES)).toEqual({
            offset: 0,
            byteLength: pages * PAGE_BYTES,
            warmBytes: 0,
          });
        },
      ),
    );
  });

  it('prefers warm pages, and grows a warm range into the cold pages that follow it', () => {
    const allocator = new Allocator(64 * PAGE_BYTES);
    const first = allocator.take(4 * PAGE_BYTES)!;
    allocator.give(first);
    expect(allocator.take(2 * PAGE_BYTES)).toEqual({
      offset: first.offset,
      byteLength: 2 * PAGE_BYTES,
      warmBytes: 2 * PAGE_BYTES,
    });
    expect(allocator.take(6 * PAGE_BYTES)).toEqual({
      offset: 2 * PAGE_BYTES,
      byteLength: 6 * PAGE_BYTES,
      warmBytes: 2 * PAGE_BYTES,
    });
  });
});

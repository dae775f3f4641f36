import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitrarySchema } from '../testing/random-rows.js';
import type { Column } from './column.js';
import { BatchPlan } from './plan.js';

/** The buffers of a column and those below it. */
function buffersOf(column: Column): ArrayBufferView[] {
  const { validity, values, valueOffsets, data, typeIds, children } = column;
  const own = [validity, typeIds, valueOffsets, values, data].filter((buffer) => buffer !== undefined);
  return [...own, ...children.flatMap(buffersOf)];
}

const arbitraryPlan = fc
  .tuple(arbitrarySchema(), fc.nat(100), fc.nat(300), fc.nat(50))
  .map(([{ fields }, rows, dataBytes, childRows]) => {
    return new BatchPlan(fields, rows, { dataBytes: () => dataBytes, childRows: () => childRows });
  });

describe('the plan of a batch', () => {
  it('puts every buffer at a multiple of 64 bytes inside the body, and no two in one place', () => {
    fc.assert(
      fc.property(arbitraryPlan, (plan) => {
        const buffers = plan.columnsOnHeap().flatMap(buffersOf);
        let end = 0;
        for (const { byteOffset, byteLength } of buffers.toSorted((a, b) => a.byteOffset - b.byteOffset)) {
          expect(byteOffset % 64).toBe(0);
          if (byteLength === 0) continue;
          expect(byteOffset).toBeGreaterThanOrEqual(end);
          end = byteOffset + byteLength;
        }
        expect(end).toBeLessThanOrEqual(plan.byteLength);
      }),
    );
  });

  it('gives columns whose bitmaps are set and whose offsets begin at 0, whatever the memory held', () => {
    fc.assert(
      fc.property(arbitraryPlan, fc.integer({ min: 1, max: 254 }), (plan, stale) => {
        const { buffer } = new Uint8Array(plan.byteLength).fill(stale);
        const check = (column: Column) => {
          expect(column.validity?.every((byte) => byte === 0xff) ?? true).toBe(true);
          if (column.field.layout.kind !== 'union') expect(Number(column.valueOffsets?.[0] ?? 0)).toBe(0);
          expect(column).toMatchObject({ length: 0, nullCount: 0, dataLength: 0 });
          column.children.forEach(check);
        };
        plan.columns((byteOffset) => ({ buffer, byteOffset })).forEach(check);
      }),
    );
  });
});

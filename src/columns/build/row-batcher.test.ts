import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toArrowSchema, toRecordBatch } from '../arrow-js.js';
import { int32, list, nullable, schema, utf8 } from '../define/index.js';
import { describeSchema } from '../describe.js';
import { rowFormat } from '../rows/index.js';
import type { BatchPlan } from './plan.js';
import { RowBatcher, type Target } from './row-batcher.js';

interface Note {
  id: number;
  text: string | null;
  marks: number[];
}

const format = rowFormat(describeSchema(schema({ id: int32(), text: nullable(utf8()), marks: list(int32()) })));
const arrowSchema = toArrowSchema(format.parsedSchema);

const arbitraryNotes = fc.array(
  fc.record({
    id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    text: fc.option(fc.string({ maxLength: 300 })),
    marks: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
  }),
  { maxLength: 120 },
);

/** A batcher, and what became of its batches. */
function begin(batchRows: number, maxBytes: number) {
  const done = { batches: [] as Note[][], plans: [] as BatchPlan[], open: 0 };
  const batcher = new RowBatcher<object, Target>(format, {
    batchRows,
    maxBytes,
    maxRowBytes: Number.POSITIVE_INFINITY,
    open: (plan) => {
      done.plans.push(plan);
      done.open++;
      return { columns: plan.columnsOnHeap() };
    },
    filled: (_, arrays, rows) => {
      done.open--;
      done.batches.push(notesOf(arrays, rows));
    },
    discard: () => void done.open--,
  });
  return { batcher, done };
}

function notesOf(arrays: Parameters<typeof toRecordBatch>[1], rows: number): Note[] {
  return toRecordBatch(arrowSchema, arrays, rows)
    .toArray()
    .map((row) => ({ id: row!.id, text: row!.text, marks: [...row!.marks] }));
}

describe('a batcher of rows', () => {
  it('hands over every row once and in order, in batches of at most so many rows, and of so many bytes but for a single row', () => {
    fc.assert(
      fc.property(
        arbitraryNotes,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 64, max: 4_096 }),
        (notes, batchRows, maxBytes) => {
          const { batcher, done } = begin(batchRows, maxBytes);
          for (const note of notes) batcher.append(note);
          batcher.handOver();
          expect(done.batches.flat()).toEqual(notes);
          expect(batcher.rows).toBe(notes.length);
          for (const batch of done.batches) expect(batch.length).toBeLessThanOrEqual(batchRows);
          for (const plan of done.plans) if (plan.rows > 1) expect(plan.byteLength).toBeLessThanOrEqual(maxBytes);
          expect(done.open).toBe(0);
        },
      ),
    );
  });

  it('shows what there is at any time, which stays as it was while rows are appended', () => {
    fc.assert(
      fc.property(arbitraryNotes, fc.integer({ min: 1, max: 40 }), (notes, batchRows) => {
        const { batcher, done } = begin(batchRows, 4_096);
        const peeked: { handed: number; arrays: Parameters<typeof toRecordBatch>[1]; rows: number; before: number }[] =
          [];
        for (const [before, note] of notes.entries()) {
          const peek = batcher.peek();
          if (peek) peeked.push({ ...peek, before, handed: done.batches.flat().length });
          batcher.append(note);
        }
        for (const { arrays, rows, before, handed } of peeked) {
          expect(handed + rows).toBe(before);
          expect(notesOf(arrays, rows)).toEqual(notes.slice(handed, before));
        }
      }),
    );
  });

  it('hands over no batch without rows, and drops what it is told to', () => {
    const { batcher, done } = begin(10, 4_096);
    batcher.handOver();
    expect(batcher.peek()).toBeUndefined();
    expect(() => batcher.append({ id: 'x' })).toThrow('row 0: id: ');
    batcher.handOver();
    expect(done.batches).toEqual([]);
    batcher.append({ id: 1, text: null, marks: [] });
    batcher.abandon();
    batcher.handOver();
    expect(done).toMatchObject({ batches: [], open: 0 });
  });

  it('makes batches of one size once it knows how large rows are, so that memory is found warm', () => {
    const { batcher, done } = begin(64, 2 ** 20);
    for (let id = 0; id < 64 * 50; id++) batcher.append({ id, text: 'x'.repeat(90 + (id % 20)), marks: [1, 2, 3] });
    const sizes = done.plans.map(({ byteLength }) => byteLength);
    expect(new Set(sizes.slice(-40)).size).toBe(1);
    expect(done.batches.slice(-40).every(({ length }) => length === 64)).toBe(true);
  });

  it('makes batches of their size again after one row that was much larger', () => {
    const { batcher, done } = begin(16, 2 ** 20);
    for (let id = 0; id < 1_000; id++) batcher.append({ id, text: 'x'.repeat(id === 100 ? 200_000 : 20), marks: [] });
    batcher.handOver();
    const [largest, last] = [
      Math.max(...done.plans.map(({ byteLength }) => byteLength)),
      done.plans.at(-1)!.byteLength,
    ];
    expect(largest).toBeGreaterThan(200_000);
    expect(last).toBeLessThan(100_000);
    expect(done.batches.flat().map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, id) => id));
  });
});

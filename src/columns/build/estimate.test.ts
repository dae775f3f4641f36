import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowFormat } from '../rows/index.js';
import { field, schemaOf } from '../testing/single-column.js';
import type { ArrowType } from '../type.js';
import { RoomEstimate } from './estimate.js';
import type { RowAppender } from './row-format.js';

const MAX_BYTES = 2 ** 20;
const LEAST = 64;
const GROWTH = 4;

/** A column of strings in `depth` lists. */
function nestedTexts(depth: number) {
  const list: ArrowType = { name: 'List' };
  let texts = field('x', { name: 'Utf8' });
  for (let i = 0; i < depth; i++) texts = field('x', list, { children: [texts] });
  return schemaOf(texts);
}

/** A value in which each list of a level has so many items, and the texts so many characters; and the most there is of anything. */
function nestedValue([count, ...counts]: readonly number[]): { value: unknown; most: number } {
  if (counts.length === 0) return { value: 'x'.repeat(count!), most: count! };
  const { value, most } = nestedValue(counts);
  return { value: Array.from({ length: count! }, () => value), most: count! * Math.max(1, most) };
}

/** Appends a row alone in its batch; how often there was no room, and how large the plan was at first and at last. */
function appendAlone(estimate: RoomEstimate, appender: RowAppender<object>, rows: number, x: unknown) {
  const sizes: number[] = [];
  for (;;) {
    const plan = estimate.plan(rows, MAX_BYTES);
    sizes.push(plan.byteLength);
    const columns = plan.columnsOnHeap();
    appender.bind(columns);
    if (appender.append({ x }, 0)) return { columns, tries: sizes.length - 1, first: sizes[0]!, last: sizes.at(-1)! };
    estimate.grow();
  }
}

const counts = (depth: number) =>
  fc.array(fc.oneof(fc.nat(3), fc.nat(3), fc.nat(200)), { minLength: depth + 1, maxLength: depth + 1 });

const arbitraryValues = fc
  .nat(6)
  .chain((depth) => fc.record({ depth: fc.constant(depth), values: fc.array(counts(depth), { maxLength: 6 }) }))
  .map(({ depth, values }) => ({ depth, values: values.map(nestedValue).filter(({ most }) => most <= 100_000) }));

test('a row finds room within a few tries however deep its lists lie, and that grows with the row, not as a power of their depth', () => {
  fc.assert(
    fc.property(arbitraryValues, fc.constantFrom(1, 100, 65_536), ({ depth, values }, rows) => {
      const schema = nestedTexts(depth);
      const estimate = new RoomEstimate(schema.fields);
      const appender = rowFormat(schema).appender();
      for (const { value, most } of values) {
        const { columns, tries, first, last } = appendAlone(estimate, appender, rows, value);
        expect(tries).toBeLessThanOrEqual(Math.max(1, 1 + Math.ceil(Math.log(most / LEAST) / Math.log(GROWTH))));
        expect(last).toBeLessThanOrEqual(Math.max(MAX_BYTES, 2 * first * GROWTH ** tries));
        appender.settle();
        estimate.learn(columns);
      }
    }),
    { numRuns: 300 },
  );
});

test('a row of many lists within lists takes little more than it needs', () => {
  const schema = nestedTexts(6);
  const { value } = nestedValue([3_000, 1, 1, 1, 1, 1, 1]);
  const { last } = appendAlone(new RoomEstimate(schema.fields), rowFormat(schema).appender(), 65_536, value);
  expect(last).toBeLessThan(64 * MAX_BYTES);
});

test('room is as it was once a row that was too large has been given up', () => {
  const estimate = new RoomEstimate(nestedTexts(2).fields);
  const before = estimate.plan(100, MAX_BYTES).byteLength;
  estimate.grow();
  expect(estimate.plan(1, MAX_BYTES).byteLength).toBeGreaterThan(0);
  estimate.calm();
  expect(estimate.plan(100, MAX_BYTES).byteLength).toBe(before);
});

import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { collectGarbage } from './collector.js';

type GarbageEntry = PerformanceEntry & { detail: { flags: number } };
const FORCED = 4; // perf_hooks' constants.NODE_PERFORMANCE_GC_FLAGS_FORCED

/** The collections on purpose while `body` runs, first to last. */
async function collectionsDuring(body: () => Promise<void>): Promise<PerformanceEntry[]> {
  const entries: PerformanceEntry[] = [];
  const isForced = (entry: PerformanceEntry) => ((entry as GarbageEntry).detail.flags & FORCED) !== 0;
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries().filter(isForced)));
  observer.observe({ entryTypes: ['gc'] });
  await body();
  await sleep(50); // entries come late
  observer.disconnect();
  return entries;
}

it('has told of everything that nobody reaches when it settles', async () => {
  let collected = 0;
  const registry = new FinalizationRegistry<undefined>(() => collected++);
  for (let i = 0; i < 100; i++) registry.register(new ArrayBuffer(64), undefined);
  await collectGarbage();
  expect(collected).toBe(100);
});

it('collects once for all who ask in one turn, again for who asks later, and leaves no gc() behind', async () => {
  const entries = await collectionsDuring(async () => {
    await Promise.all(Array.from({ length: 10 }, () => collectGarbage()));
    await collectGarbage();
  });
  expect(entries).toHaveLength(2);
  expect(globalThis).not.toHaveProperty('gc');
  expect(runInNewContext('typeof gc')).toBe('undefined');
});

it('waits four times as long as a collection took before the next', async () => {
  const heap = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const [first, second] = await collectionsDuring(async () => {
    await collectGarbage();
    await collectGarbage();
  });
  expect(heap).toHaveLength(1_000_000);
  expect(second!.startTime - first!.startTime).toBeGreaterThanOrEqual(4 * first!.duration);
});

import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { native } from '../native.js';
import { allGarbage, youngGarbage } from './collector.js';

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

it('collects young garbage while it is young, and old garbage with all', async () => {
  const { refer, referred } = native();
  const kept = [new ArrayBuffer(64)];
  const number = refer(kept[0]!);
  await allGarbage.collect(); // takes it for old from now on
  kept.length = 0;
  const young = refer(new ArrayBuffer(64));
  await youngGarbage.collect();
  expect(referred(young)).toBeUndefined();
  expect(referred(number)).toBeDefined();
  await allGarbage.collect();
  expect(native().takeCollected().sort()).toEqual([number, young].sort());
});

it('collects once for all who ask in one turn, again for who asks later, and leaves no gc() behind', async () => {
  const entries = await collectionsDuring(async () => {
    await Promise.all(Array.from({ length: 10 }, () => allGarbage.collect()));
    await allGarbage.collect();
  });
  expect(entries).toHaveLength(2);
  expect(globalThis).not.toHaveProperty('gc');
  expect(runInNewContext('typeof gc')).toBe('undefined');
});

it('waits four times as long as a collection took before the next', async () => {
  const heap = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const [first, second] = await collectionsDuring(async () => {
    await allGarbage.collect();
    await allGarbage.collect();
  });
  expect(heap).toHaveLength(1_000_000);
  expect(second!.startTime - first!.startTime).toBeGreaterThanOrEqual(4 * first!.duration);
});

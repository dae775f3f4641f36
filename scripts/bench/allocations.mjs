// What a piece of work allocates on the heap, and where.
import { Session } from 'node:inspector/promises';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { collectGarbage } from './meter.mjs';

const SAMPLING_BYTES = 512;

/** Bytes by which V8's heap and what it counts outside of it have grown by `work`, which has to be too short for a collection: undefined where there was one. */
export async function allocatedBytes(work) {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  collectGarbage();
  await nextTurn();
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage();
  await work();
  const after = process.memoryUsage();
  await nextTurn();
  observer.disconnect();
  return collections > 0 ? undefined : after.heapUsed - before.heapUsed;
}

/** Bytes allocated by `work`, by the function that did, largest first, what was collected meanwhile included: `{ place, bytes }`. */
export async function allocationProfile(work) {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLING_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await work();
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  const bytes = new Map();
  const add = ({ callFrame, selfSize, children }) => {
    const { functionName, url, lineNumber } = callFrame;
    const place = `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
    if (selfSize > 0) bytes.set(place, (bytes.get(place) ?? 0) + selfSize);
    children.forEach(add);
  };
  add(profile.head);
  return [...bytes].map(([place, bytes]) => ({ place, bytes })).sort((a, b) => b.bytes - a.bytes);
}

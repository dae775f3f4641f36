import { allGarbage, youngGarbage } from './collector.js';
import { lend, pressure } from './pressure.js';
import { unpinnedCount, Window } from './window.js';

// Batches that are forgotten are given back when the garbage collector has found that nobody can read their windows any more: the net, not
// the way. A minor collection costs a tenth of a full one, and finds what was forgotten young, unless something old refers to it. A batch's
// columns see to it that nothing does (column.ts), but the vectors that Arrow makes itself, of tables, slices and lists, are referred to by old
// functions. So minor collections are tried, and left where they find little.

const MIB = 2 ** 20;
/** Windows may grow by so much before a minor collection; by twice as much each time that one found little. */
const YOUNG_QUOTA_BYTES = 16 * MIB;
/** Windows may grow by so much before a full one. */
const QUOTA_BYTES = 512 * MIB;
/** After a minor collection V8 is lent at once what was collected, up to so much: it takes that for no growth to speak of. */
const RELENT_BYTES = 32 * MIB;
/** Lent to V8 at a time, which takes a collection of its own: so much that it is rare. */
const LENT_BYTES = 4 * QUOTA_BYTES;
/** Where somebody waits, a full collection is at most so long ago: forgotten batches may hide behind others that are released. */
const LONGEST_MS = 900;

/** How soon a reader that is at work gives something back. */
const AT_WORK_MS = 2;

let youngQuotaBytes = YOUNG_QUOTA_BYTES;
let youngFromBytes = YOUNG_QUOTA_BYTES;
let fullFromBytes = QUOTA_BYTES;
let lastFullMs = 0;
let isGrowing = false;
let coming: Promise<void> | undefined;
/** Of `pressure.givenBackBytes`: at how many everybody who waits has enough. */
let wantedBytes = 0;

/** V8's own full collections are noticed by a leaf that falls with each: they find windows, too. */
const leaves = new FinalizationRegistry<undefined>(() => {
  Window.takeCollected();
  plantLeaf();
});
let isLeafPlanted = false;

function plantLeaf(): void {
  leaves.register({}, undefined);
  isLeafPlanted = true;
}

/** Before a window is opened: collects garbage on purpose where the others have grown by a quota. */
export function reclaimWhereDue(): void {
  if (!isLeafPlanted) plantLeaf();
  const { windowBytes } = pressure;
  youngFromBytes = Math.min(youngFromBytes, windowBytes + youngQuotaBytes);
  fullFromBytes = Math.min(fullFromBytes, windowBytes + QUOTA_BYTES);
  if (windowBytes < youngFromBytes) return;
  youngGarbage.collectNow();
  takeYoung(youngQuotaBytes);
  if (pressure.windowBytes < fullFromBytes && pressure.lentBytes >= pressure.offsetBytes + QUOTA_BYTES) return;
  if (isGrowing) return;
  isGrowing = true;
  void reclaimAll().then(() => {
    isGrowing = false;
  });
}

/**
 * Gives back what nobody can reach, because somebody waits for `neededBytes`. Settles when it has been given back; a collection may have had to wait
 * for its turn.
 */
export function reclaim(neededBytes: number): Promise<void> {
  wantedBytes = Math.max(wantedBytes, pressure.givenBackBytes + neededBytes);
  coming ??= reclaimInTurn().finally(() => {
    coming = undefined;
  });
  return coming;
}

async function reclaimInTurn(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve)); // a reader that releases does so first
  const { windowBytes } = pressure;
  if (unpinnedCount() === 0) return;
  if (youngQuotaBytes === YOUNG_QUOTA_BYTES || windowBytes >= youngQuotaBytes) {
    await youngGarbage.collect();
    takeYoung(windowBytes);
  }
  // A reader that is at work gives back more at once.
  if (youngQuotaBytes === YOUNG_QUOTA_BYTES && !isServed())
    await new Promise<void>((resolve) => void setTimeout(resolve, AT_WORK_MS).unref());
  if (unpinnedCount() > 0 && !isServed()) await reclaimAll();
}

/** Whether who waits has been given enough, as far as can be seen here. */
const isServed = (): boolean => pressure.givenBackBytes >= wantedBytes && performance.now() - lastFullMs < LONGEST_MS;

/** Takes what a minor collection has found, which was worth its time if it is half of `expectedBytes`. */
function takeYoung(expectedBytes: number): void {
  const { givenBackBytes, lentBytes } = pressure;
  Window.takeCollected();
  lend(Math.min(lentBytes - pressure.lentBytes, RELENT_BYTES));
  const isWorthIt = pressure.givenBackBytes - givenBackBytes >= expectedBytes / 2;
  if (isWorthIt) youngGarbage.mayComeSoon();
  youngQuotaBytes = isWorthIt ? YOUNG_QUOTA_BYTES : Math.min(2 * youngQuotaBytes, QUOTA_BYTES);
  youngFromBytes = pressure.windowBytes + youngQuotaBytes;
}

/** Collects all garbage and gives back what it finds; it may have to wait for its turn. */
export async function reclaimAll(): Promise<void> {
  await allGarbage.collect(() => {
    // V8 measures growth from the last full collection: what is lent just before one is none.
    if (pressure.lentBytes < pressure.offsetBytes + QUOTA_BYTES)
      lend(pressure.offsetBytes + LENT_BYTES - pressure.lentBytes);
  });
  lastFullMs = performance.now();
  const { windowBytes } = pressure;
  Window.takeCollected();
  if (pressure.windowBytes < windowBytes / 2) allGarbage.mayComeSoon();
  youngQuotaBytes = Math.max(YOUNG_QUOTA_BYTES, youngQuotaBytes / 2);
  youngFromBytes = pressure.windowBytes + youngQuotaBytes;
  fullFromBytes = pressure.windowBytes + QUOTA_BYTES;
}

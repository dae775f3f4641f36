import { callNative } from '../native.js';
import { collectGarbage } from './collector.js';

// V8 counts a window's bytes as if they lay on its heap, and collects garbage for every 32 to 128 MiB by which they grow. So windows are
// offset, but only up to what was lent to V8 before: a sum that goes below zero aborts the process from Node 24 on, and a window that was
// collected is off V8's sum before anybody here knows.

/** Windows may grow by so much before garbage is collected on purpose. */
const QUOTA_BYTES = 512 * 2 ** 20;
/** V8 does nothing below this; who releases in time stays there, and costs nothing. */
const START_BYTES = 32 * 2 ** 20;

/** The windows there are on this thread, those of them that are offset, and what was lent to V8, in bytes. */
export const pressure = { windowBytes: 0, offsetBytes: 0, lentBytes: 0 };

let collectFromBytes = START_BYTES;

/** A window was opened. Returns whether it is offset: not where too little is lent yet. */
export function windowOpened(byteLength: number): boolean {
  pressure.windowBytes += byteLength;
  if (pressure.windowBytes > collectFromBytes) void collectWindows();
  if (pressure.offsetBytes + byteLength > pressure.lentBytes) return false;
  pressure.offsetBytes += byteLength;
  adjust(-byteLength);
  return true;
}

/** A window was detached: V8 no longer counts it. */
export function windowDetached(byteLength: number, isOffset: boolean): void {
  pressure.windowBytes -= byteLength;
  if (!isOffset) return;
  pressure.offsetBytes -= byteLength;
  adjust(byteLength);
}

/** A window was collected. What offset it stays with V8, for which giving it back would be new growth; that much less is lent instead. */
export function windowCollected(byteLength: number, isOffset: boolean): void {
  pressure.windowBytes -= byteLength;
  if (!isOffset) return;
  pressure.offsetBytes -= byteLength;
  pressure.lentBytes -= byteLength;
}

async function collectWindows(): Promise<void> {
  collectFromBytes = Number.POSITIVE_INFINITY;
  try {
    await collectGarbage(lend);
  } finally {
    collectFromBytes = pressure.windowBytes + QUOTA_BYTES;
  }
}

/** V8 measures growth from the last collection: lent just before one, it is none. Enough for two quotas, since a collection may have to wait. */
function lend(): void {
  const bytes = pressure.offsetBytes + 2 * QUOTA_BYTES - pressure.lentBytes;
  pressure.lentBytes += bytes;
  adjust(bytes);
}

const adjust = (bytes: number): number => callNative((addon) => addon.adjustExternalMemory(bytes));

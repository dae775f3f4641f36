import { callNative } from '../native.js';

// V8 counts a window's bytes as if they lay on its heap, and collects garbage for every 32 to 128 MiB by which they grow. So windows are
// offset, but only up to what was lent to V8 before: a sum that goes below zero aborts the process from Node 24 on, and a window that was
// collected may be off V8's sum before anybody here knows, or be on it until V8 has swept.

/**
 * Windows of up to so many bytes are quiet: for longer ones V8 begins a collection when they are opened, since its sum grows by 64 MB at once, and would begin
 * another at their end if they were offset. So a message of up to so many bytes gets one window, of a longer one each buffer gets its own.
 */
export const QUIET_BYTES = 32 * 2 ** 20;

/** The windows there are on this thread, those of them that are offset, what was lent to V8, and the windows that ended so far, in bytes. */
export const pressure = { windowBytes: 0, offsetBytes: 0, lentBytes: 0, givenBackBytes: 0 };

/** A window was opened. Returns whether it is offset: not where too little is lent yet, nor where it is not quiet anyway. */
export function windowOpened(byteLength: number): boolean {
  pressure.windowBytes += byteLength;
  if (byteLength > QUIET_BYTES || pressure.offsetBytes + byteLength > pressure.lentBytes) return false;
  pressure.offsetBytes += byteLength;
  adjust(-byteLength);
  return true;
}

/** A window is about to be detached: V8 will no longer count it. What offset it is given back before, so that V8's sum never dips: growth is measured from there. */
export function windowDetached(byteLength: number, isOffset: boolean): void {
  pressure.windowBytes -= byteLength;
  pressure.givenBackBytes += byteLength;
  if (!isOffset) return;
  pressure.offsetBytes -= byteLength;
  adjust(byteLength);
}

/** A window was collected. What offset it stays with V8, for which giving it back would be new growth; that much less is lent instead. */
export function windowCollected(byteLength: number, isOffset: boolean): void {
  pressure.windowBytes -= byteLength;
  pressure.givenBackBytes += byteLength;
  if (!isOffset) return;
  pressure.offsetBytes -= byteLength;
  pressure.lentBytes -= byteLength;
}

/**
 * Sees to it that a window of so many bytes will be offset. For windows that are short-lived and many: V8 takes what is lent for growth once, instead of each
 * of them.
 */
export function lendFor(byteLength: number): void {
  const missing = pressure.offsetBytes + byteLength - pressure.lentBytes;
  if (missing > 0 && byteLength <= QUIET_BYTES) lend(missing);
}

/** Lends V8 so much more. V8 measures growth from the last full collection: lent just before one, it is none. */
export function lend(byteLength: number): void {
  pressure.lentBytes += byteLength;
  adjust(byteLength);
}

const adjust = (bytes: number): number => callNative((addon) => addon.adjustExternalMemory(bytes));

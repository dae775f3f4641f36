import { closeSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Greeted } from '../../native.js';
import { READY } from './raw-socket.js';

/** A peer that takes nothing for so long is not going to. */
const STALLED_MS = 1_000;
/** After so many frames this process does something else. */
const TURN_FRAMES = 200;

/** One end of a connection that sends and never reads. */
export class DeafSocket {
  readonly #fd: number;
  readonly #pidfd: number;

  /** Takes over the descriptors of `greeted`. */
  constructor({ fd, pidfd, mapping }: Greeted) {
    this.#fd = fd;
    this.#pidfd = pidfd;
    mapping.close();
  }

  /** Says READY, then frames, until the peer takes no more, has closed, or there were so many; gives how many it took. */
  async flood(frameOf: (i: number) => Buffer, count: number): Promise<number> {
    let bytes = READY;
    for (let i = 0, stalledMs = 0; i < count; ) {
      try {
        const written = writeSync(this.#fd, bytes);
        bytes = written < bytes.length ? bytes.subarray(written) : frameOf(i++);
        stalledMs = 0;
        if (i % TURN_FRAMES === 0) await new Promise(setImmediate);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || stalledMs >= STALLED_MS) return i;
        await sleep(5);
        stalledMs += 5;
      }
    }
    return count;
  }

  close(): void {
    closeSync(this.#fd);
    if (this.#pidfd >= 0) closeSync(this.#pidfd);
  }
}

import { BroadcastChannel } from 'node:worker_threads';
import { ArrowlabError } from '../errors.js';
import { callNative, native } from '../native.js';
import type { Extent } from '../region/index.js';
import { channelOf } from './batch-token.js';

const FIRST_POLL_MS = 1;
const SLOWEST_POLL_MS = 50;

/** The other threads' access to a batch in place, by its number, until they are asked to end it. */
export class WorkerAccess {
  readonly id: number;
  #ended: Promise<void> | undefined;

  constructor(extent: Extent) {
    const { region, offset, byteLength } = extent;
    this.id = callNative((addon) => addon.shareRange(region.native, offset, byteLength));
  }

  /** No thread opens the batch any more, and those that have it open are asked to let go. Resolves when all have, or have ended. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  /** The same, for who cannot wait for ever. Throws TIMEOUT. */
  async endWithin(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#late(timeoutMs)), timeoutMs);
    });
    try {
      await Promise.race([this.end(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #end(): Promise<void> {
    native().endSharing(this.id);
    if (this.#windows === 0) return;
    const channel = new BroadcastChannel(channelOf(this.id));
    channel.unref();
    for (let pollMs = FIRST_POLL_MS; this.#windows > 0; pollMs = Math.min(pollMs * 2, SLOWEST_POLL_MS)) {
      // More than once, since a thread may be opening the batch just now; not for ever, since a blocked one keeps what it is told.
      if (pollMs < SLOWEST_POLL_MS) channel.postMessage('end');
      await new Promise<void>((resolve) => void setTimeout(resolve, pollMs).unref());
    }
    channel.close();
  }

  get #windows(): number {
    return native().sharedWindows(this.id);
  }

  #late(timeoutMs: number): ArrowlabError {
    return new ArrowlabError(
      'TIMEOUT',
      `expected worker threads to let go of the batch within ${timeoutMs / 1000} s, found ${this.#windows} windows still open: call close() there when it is filled`,
    );
  }
}

import { ArrowlabError } from '../errors.js';
import type { Outlet } from './outlet.js';
import type { PlacedMessage } from './placed.js';
import { since, type WaitStatus } from './status.js';

/** The subscribers of a stream. */
export class Audience {
  readonly #outlets = new Set<Outlet>();
  /** Of subscribers that have gone. */
  #droppedBatches = 0;
  /** Since when somebody waits for the first subscriber. */
  #lonelySinceMs: number | undefined;
  /** Somebody has subscribed, or nobody will. */
  #hasCome = false;
  #come: (() => void) | undefined;

  get size(): number {
    return this.#outlets.size;
  }

  /** Batches that subscribers were not sent because they were slow. */
  get droppedBatches(): number {
    let count = this.#droppedBatches;
    for (const outlet of this.#outlets) count += outlet.droppedBatches;
    return count;
  }

  add(outlet: Outlet): void {
    this.#outlets.add(outlet);
    this.#arrived();
  }

  remove(outlet: Outlet): void {
    if (this.#outlets.delete(outlet)) this.#droppedBatches += outlet.droppedBatches;
  }

  /** Waits until somebody has subscribed, or nobody will: `end` has been called. One caller at a time. Throws ABORTED. */
  async first(signal: AbortSignal | undefined, what: string): Promise<void> {
    ArrowlabError.throwIfAborted(signal, what);
    if (this.#hasCome) return;
    this.#lonelySinceMs = performance.now();
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#come = resolve;
        onAbort = () => reject(ArrowlabError.aborted(signal, `${what}, which waited for a subscriber,`));
        signal?.addEventListener('abort', onAbort);
      });
    } finally {
      this.#lonelySinceMs = undefined;
      this.#come = undefined;
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Waits until every subscriber has been sent what it was offered, or is gone. Throws ABORTED. */
  async room(signal?: AbortSignal): Promise<void> {
    // Only one write is under way, so nothing is offered to the first while the others are waited for.
    for (const outlet of this.#outlets) if (outlet.isBehind) await outlet.room(signal);
  }

  /** Sends a message to each; with `mayDrop`, not to those that have no credit. */
  offer(message: PlacedMessage, mayDrop: boolean): void {
    for (const outlet of this.#outlets) outlet.offer(message, mayDrop);
  }

  /** Ends the stream for each, after what was offered; with an error, at once. */
  end(error: ArrowlabError | undefined): void {
    for (const outlet of [...this.#outlets]) outlet.end(error);
    this.#arrived();
  }

  /** What `who` waits for here. */
  waits(who: string): WaitStatus[] {
    if (this.#lonelySinceMs !== undefined)
      return [{ who, for: 'subscriber', forMs: since(this.#lonelySinceMs), why: 'nobody has subscribed yet' }];
    return [...this.#outlets].flatMap(({ awaitedSinceMs, holder }) =>
      awaitedSinceMs === undefined
        ? []
        : [{ who, for: 'credit', forMs: since(awaitedSinceMs), why: `the ${holder} is not empty` }],
    );
  }

  #arrived(): void {
    this.#hasCome = true;
    this.#come?.();
  }
}

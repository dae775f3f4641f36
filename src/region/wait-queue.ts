import { ArrowlabError } from '../errors.js';
import type { Share } from './budget.js';
import type { Holder } from './extent.js';
import { startTimer } from './timer.js';

/** What a writer wants of a region. */
export interface Wish {
  byteLength: number;
  /** Who holds the extent until it is written. */
  writer: Holder;
  /** The stream's part of the region that is charged. */
  share: Share;
  /** Gives the wait up. */
  signal?: AbortSignal | undefined;
  /** Called when the wait begins and each second while it lasts. */
  onWaiting?: ((wait: { waitedMs: number }) => void) | undefined;
}

interface Waiter<T> {
  wish: Wish;
  sinceMs: number;
  leave(error: ArrowlabError): void;
  serve(granted: T): void;
}

const NOTICE_MS = 1_000;

/** Writers that wait for memory, first come, first served, except that who can be served from its own reservation is. */
export class WaitQueue<T> {
  readonly #waiters: Waiter<T>[] = [];
  readonly #timeoutMs: number;
  readonly #grant: (wish: Wish, isFirst: boolean) => T | undefined;
  readonly #timedOut: (wish: Wish) => ArrowlabError;

  /** `grant` gives what is wished for or says that it cannot be given yet; `timedOut` says why it was not in time. */
  constructor(
    timeoutMs: number,
    grant: (wish: Wish, isFirst: boolean) => T | undefined,
    timedOut: (wish: Wish) => ArrowlabError,
  ) {
    this.#timeoutMs = timeoutMs;
    this.#grant = grant;
    this.#timedOut = timedOut;
  }

  /** What is wished for where it can be had at once. */
  takeNow(wish: Wish): T | undefined {
    return this.#grant(wish, this.#waiters.length === 0);
  }

  /** What is wished for, at once when it can be. Throws TIMEOUT, ABORTED, and what `fail` is called with. */
  async take(wish: Wish): Promise<T> {
    return this.takeNow(wish) ?? (await this.#wait(wish));
  }

  /** Something has come back. */
  serve(): void {
    for (let at = 0; at < this.#waiters.length; ) {
      const waiter = this.#waiters[at]!;
      const granted = this.#grant(waiter.wish, at === 0);
      if (granted) {
        this.#waiters.splice(at, 1);
        waiter.serve(granted);
      } else at++;
    }
  }

  /** Ends every wait, or those for one share. */
  fail(error: ArrowlabError, share?: Share): void {
    this.#giveUp(
      this.#waiters.filter(({ wish }) => !share || wish.share === share),
      error,
    );
  }

  list(): { holder: string; byteLength: number; sinceMs: number }[] {
    return this.#waiters.map(({ wish, sinceMs }) => ({
      holder: wish.writer.holder,
      byteLength: wish.byteLength,
      sinceMs,
    }));
  }

  /** Serves nobody before all of them have left: else one of them could be served. */
  #giveUp(waiters: Waiter<T>[], error: ArrowlabError): void {
    for (const waiter of waiters) waiter.leave(error);
    this.serve();
  }

  #wait(wish: Wish): Promise<T> {
    const { signal, onWaiting } = wish;
    return new Promise((resolve, reject) => {
      const sinceMs = performance.now();
      const settle = () => {
        clearTimeout(timeout);
        clearInterval(notices);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter<T> = {
        wish,
        sinceMs,
        leave: (error) => {
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          settle();
          reject(error);
        },
        serve: (granted) => {
          settle();
          resolve(granted);
        },
      };
      const onAbort = () =>
        this.#giveUp([waiter], ArrowlabError.aborted(signal, 'the write, which waited for memory,'));
      const timeout = startTimer(() => this.#giveUp([waiter], this.#timedOut(wish)), this.#timeoutMs);
      const notices = setInterval(() => onWaiting?.({ waitedMs: performance.now() - sinceMs }), NOTICE_MS);
      signal?.addEventListener('abort', onAbort);
      this.#waiters.push(waiter);
      onWaiting?.({ waitedMs: 0 });
    });
  }
}

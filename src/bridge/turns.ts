import { ArrowlabError } from '../errors.js';

/** Works that happen one after the other, in the order they were asked for, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles when all that was asked for so far is over; never fails. */
  get last(): Promise<unknown> {
    return this.#last;
  }

  /** Does `work` when its turn has come, and settles as it does. `signal` gives up waiting for the turn: `what` was given up. Throws ABORTED. */
  take(work: () => Promise<void>, what: string, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(ArrowlabError.aborted(signal, what));
    let hasBegun = false;
    const turn = this.#last.then(() => {
      hasBegun = true;
      ArrowlabError.throwIfAborted(signal, what);
      return work();
    });
    this.#last = turn.catch(() => {});
    if (!signal) return turn;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (!hasBegun) reject(ArrowlabError.aborted(signal, `${what}, which waited for others,`));
      };
      signal.addEventListener('abort', onAbort);
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }
}

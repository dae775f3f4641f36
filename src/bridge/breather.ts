import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS = 10;

/**
 * Lets the event loop turn now and then for who awaits in a loop what is there at once: else sockets would not be read, and nobody could
 * subscribe, connect or abort.
 */
export class Breather {
  /** Since when the event loop may have been held; undefined once it has turned. */
  #heldSinceMs: number | undefined;

  /** Waits for the next turn of the event loop where it has not turned for 10 ms. */
  async breathe(): Promise<void> {
    if (this.#heldSinceMs === undefined) {
      this.#heldSinceMs = performance.now();
      setImmediate(() => this.#turned()).unref();
    } else if (performance.now() - this.#heldSinceMs >= TURN_MS) await nextTurn();
  }

  #turned(): void {
    this.#heldSinceMs = undefined;
  }
}

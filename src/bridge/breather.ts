import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS = 10;

/**
 * Lets the event loop turn now and then for who awaits in a loop what is there at once: else sockets would not be read, and nobody could
 * subscribe, connect or abort.
 */
export class Breather {
  #turnedMs = performance.now();

  /** Waits for the next turn of the event loop where the last one that it waited for began 10 ms ago. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#turnedMs < TURN_MS) return;
    await nextTurn();
    this.#turnedMs = performance.now();
  }
}

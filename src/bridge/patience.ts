/** How long a reader may wait for what it holds itself: somebody else may be about to release it (PROTOCOL.md, section 6). */
const PATIENCE_MS = 1_500;

/** The first WAITING since a lease was released or a message came: when it came, and how many leases had been released by then. */
interface Stall {
  sinceMs: number;
  releasedCount: number;
}

/** Tells when the producer has waited so long for what is held here that nobody is going to release it. */
export class Patience {
  #stall: Stall | undefined;

  /** A message came: the wait, if there was one, is over. */
  renew(): void {
    this.#stall = undefined;
  }

  /**
   * WAITING came, with `held` bytes here in the way (0: others have enough to give back), after `releasedCount` releases. Returns how to find out,
   * once garbage has been collected, whether patience is at an end.
   */
  waiting(held: bigint, releasedCount: number): (releasedCount: number) => boolean {
    const nowMs = performance.now();
    if (held === 0n) this.#stall = undefined;
    else if (this.#stall?.releasedCount !== releasedCount) this.#stall = { sinceMs: nowMs, releasedCount };
    const stall = this.#stall;
    return (released) =>
      stall !== undefined &&
      stall === this.#stall &&
      stall.releasedCount === released &&
      nowMs - stall.sinceMs >= PATIENCE_MS;
  }
}

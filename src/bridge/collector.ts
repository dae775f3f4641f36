import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After a collection, this many times its duration pass before the next: collecting takes at most a fifth of the time. */
const PAUSE_FACTOR = 4;

type Collect = (options?: { type: 'minor' }) => void;

/** One kind of collection on purpose, which takes at most a fifth of the time. */
class Collector {
  readonly #options: { type: 'minor' } | undefined;
  readonly #preparations: (() => void)[] = [];
  #earliestMs = 0;
  #coming: Promise<void> | undefined;

  constructor(options?: { type: 'minor' }) {
    this.#options = options;
  }

  /**
   * Settles when a collection that began after this call is over; it may have had to wait for its turn. `prepare` is called just before it. Keeps no
   * process alive.
   */
  collect(prepare?: () => void): Promise<void> {
    if (prepare) this.#preparations.push(prepare);
    this.#coming ??= this.#collectInTurn();
    return this.#coming;
  }

  /** The last one was worth its time: the next need not wait. */
  mayComeSoon(): void {
    this.#earliestMs = 0;
  }

  /** Collects at once, whoever's turn it is. */
  collectNow(): void {
    this.#collect();
  }

  async #collectInTurn(): Promise<void> {
    // A turn of its own: a WeakRef that was looked at keeps its target until the turn ends.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (performance.now() < this.#earliestMs) {
      const waitMs = this.#earliestMs - performance.now();
      await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
    }
    this.#coming = undefined;
    for (const prepare of this.#preparations.splice(0)) prepare();
    this.#collect();
  }

  #collect(): void {
    const startMs = performance.now();
    const options = this.#options;
    if (options) findCollect()?.(options);
    else findCollect()?.(); // from Node 22 on any argument but an object asks for a minor one
    const endMs = performance.now();
    this.#earliestMs = endMs + PAUSE_FACTOR * (endMs - startMs);
  }
}

export const allGarbage = new Collector();

/** What became garbage before it was old, in a fraction of the time. */
export const youngGarbage = new Collector({ type: 'minor' });

let collect: Collect | undefined;

/** V8's own function, which Node shows to contexts that are made while the flag is set. */
function findCollect(): Collect | undefined {
  if (collect) return collect;
  const exposed = (globalThis as { gc?: Collect }).gc;
  if (exposed) {
    collect = exposed;
    return exposed;
  }
  setFlagsFromString('--expose-gc');
  try {
    // Another thread may have set the flag back meanwhile: then there is none this time.
    collect = runInNewContext('globalThis.gc') as Collect | undefined;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
  return collect;
}

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After a collection, this many times its duration pass before the next: collecting takes at most a fifth of the time. */
const PAUSE_FACTOR = 4;

type Collect = () => void;

let collect: Collect | undefined;
let earliestMs = 0;
let coming: Promise<void> | undefined;
const preparations: (() => void)[] = [];

/**
 * Collects garbage on purpose and lets what was hung on it be told. Settles when a collection that began after this call has been
 * told of; it may have had to wait for its turn, since collecting takes at most a fifth of the time. `prepare` is called just before it.
 * Keeps no process alive.
 */
export function collectGarbage(prepare?: () => void): Promise<void> {
  if (prepare) preparations.push(prepare);
  coming ??= collectInTurn();
  return coming;
}

async function collectInTurn(): Promise<void> {
  // A turn of its own: a WeakRef that was looked at keeps its target until the turn ends.
  const waitMs = Math.max(0, earliestMs - performance.now());
  await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
  coming = undefined;
  for (const prepare of preparations.splice(0)) prepare();
  const startMs = performance.now();
  findCollect()?.();
  const endMs = performance.now();
  earliestMs = endMs + PAUSE_FACTOR * (endMs - startMs);
  // Finalizers run when the loop has polled, which it has for certain between two immediates.
  await nextImmediate();
  await nextImmediate();
}

const nextImmediate = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

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

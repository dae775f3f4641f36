import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Native from '../native/index.js';
import { ArrowlabError, type ErrorName } from './errors.js';

export type { Greeted, Listener, Mapping, Refused, Region } from '../native/index.js';

const ADDON = '../native/build/arrowlab.node';

let loaded: typeof Native | undefined;

/** The native addon, loaded at first use. Throws NATIVE_MISSING where it can't be. */
export function native(): typeof Native {
  if (loaded) return loaded;
  try {
    loaded = createRequire(import.meta.url)(ADDON) as typeof Native;
    return loaded;
  } catch (cause) {
    throw new ArrowlabError(
      'NATIVE_MISSING',
      `expected the native addon at ${new URL(ADDON, import.meta.url).pathname}, found none that loads: run \`npm run setup\` on Linux with a C++ compiler`,
      { cause },
    );
  }
}

/** What the addon threw, as an ArrowlabError; anything else stays as it is. */
export function fromNative(thrown: unknown): unknown {
  const name = (thrown as { arrowlabName?: ErrorName } | null)?.arrowlabName;
  return name ? new ArrowlabError(name, (thrown as Error).message, { cause: thrown }) : thrown;
}

/** As `callNative`, for what the addon does on a thread. */
export async function awaitNative<T>(call: (addon: typeof Native) => Promise<T>): Promise<T> {
  try {
    return await call(native());
  } catch (thrown) {
    throw fromNative(thrown);
  }
}

/** Lets a greeted peer go that nobody wants any more. */
export function discardGreeted({ fd, pidfd, mapping }: Native.Greeted): void {
  closeSync(fd);
  if (pidfd >= 0) closeSync(pidfd);
  mapping.close();
}

/** Calls into the addon, with its failures as ArrowlabErrors. */
export function callNative<T>(call: (addon: typeof Native) => T): T {
  try {
    return call(native());
  } catch (thrown) {
    throw fromNative(thrown);
  }
}

import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Native from '../native/index.js';
import { ArrowlabError, type ErrorName } from './errors.js';
import { inPackage, isCheckout } from './installation.js';

export type { Greeted, Listener, Mapping, Refused, Region } from '../native/index.js';

const ADDON = inPackage('native/build/arrowlab.node');

let loaded: typeof Native | undefined;

/** The native addon, loaded at first use. Throws NATIVE_MISSING where it can't be. */
export function native(): typeof Native {
  if (loaded) return loaded;
  if (process.platform !== 'linux') throw missing('this is another system', undefined);
  try {
    loaded = createRequire(import.meta.url)(ADDON) as typeof Native;
    return loaded;
  } catch (cause) {
    throw missing((cause as Error).message.split('\n', 1)[0]!, cause);
  }
}

function missing(found: string, cause: unknown): ArrowlabError {
  const advice = isCheckout
    ? 'run `npm run setup` on Linux with a C++ compiler'
    : `the package supports Linux x64 with glibc >= 2.28, and this is ${describePlatform()}: install it again if that fits, else use such a machine, virtual machine or container`;
  return new ArrowlabError(
    'NATIVE_MISSING',
    `expected the native addon at ${ADDON}, found none that loads (${found}): ${advice}`,
    { cause },
  );
}

function describePlatform(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform} ${arch}`;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `${platform} ${arch} with ${header.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'another C library'}`;
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

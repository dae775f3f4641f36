import { closeSync } from 'node:fs';
import { isCheckout } from '../../installation.js';
import { type Greeted, native } from '../../native.js';
import { type Check, required } from './check.js';

const REGION_BYTES = 2 ** 20;
const START_TIMEOUT_MS = 2_000;
const addonAdvice = isCheckout ? 'run `npm run setup` with a C++ compiler' : 'use Linux x64 with glibc >= 2.28';

/** Tries out on this machine what the bridge is made of: a region, a handshake with oneself, a private map. Each check needs those before it. */
export async function checkBridge(): Promise<Check[]> {
  const checks: Check[] = [];
  const check = async <T>(name: string, found: string, advice: string, attempt: () => T | Promise<T>): Promise<T> => {
    try {
      const result = await attempt();
      checks.push(required(name, true, found, advice));
      return result;
    } catch (error) {
      checks.push(required(name, false, (error as Error).message, advice));
      throw error;
    }
  };
  const closers: (() => void)[] = [];
  try {
    const addon = await check('native addon', 'loaded', addonAdvice, native);
    const region = await check(
      'shared memory',
      'a sealed memfd, mapped',
      'allow memfd_create and file seals (Linux >= 4.14; see the seccomp profile of the container)',
      () => new addon.Region(REGION_BYTES),
    );
    closers.push(() => region.close());
    const greeted = await check(
      'handshake',
      'the region arrives read-only and cannot change its size',
      'allow AF_UNIX sockets that carry file descriptors, and /proc',
      () => greetOneself((fd) => addon.adopt(fd, region, 'doctor', START_TIMEOUT_MS), addon.socketPair()),
    );
    closers.push(() => greeted.forEach(hangUp));
    await check(
      'isolation',
      "a consumer's write does not reach the producer",
      'report this: it must not happen',
      () => {
        const [mine, theirs] = [region.window(0, 1), greeted[0]!.mapping.window(0, 1)].map(
          (window) => new Uint8Array(window),
        ) as [Uint8Array, Uint8Array];
        mine[0] = 1;
        if (theirs[0] !== 1) throw new Error('what the producer writes is not seen by the consumer');
        theirs[0] = 2;
        if (mine[0] !== 1) throw new Error('what the consumer writes changes the producer');
      },
    );
  } catch {
    // already among the checks, and those after it would only repeat it
  } finally {
    for (const close of closers) close();
  }
  return checks;
}

async function greetOneself(adopt: (fd: number) => Promise<Greeted>, ends: [number, number]): Promise<Greeted[]> {
  const outcomes = await Promise.allSettled(ends.map(adopt));
  const greeted = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed) return greeted;
  greeted.forEach(hangUp);
  throw failed.reason;
}

function hangUp({ fd, pidfd, mapping }: Greeted): void {
  mapping.close();
  closeSync(fd);
  if (pidfd >= 0) closeSync(pidfd);
}

/** What setTimeout can count to; beyond that it would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls `then` after `ms` milliseconds: never for Infinity, and after 24 days for anything longer than that. */
export function startTimer(then: () => void, ms: number): NodeJS.Timeout | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(then, Math.min(ms, LONGEST_MS));
}

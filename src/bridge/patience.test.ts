import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Patience } from './patience.js';

let patience: Patience;
let releasedCount: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  patience = new Patience();
  releasedCount = 7;
});

afterEach(() => vi.useRealTimers());

/** WAITING comes after so many seconds more; whether patience is at its end. */
function waiting(seconds: number, held = 4096n): boolean {
  vi.advanceTimersByTime(seconds * 1_000);
  return patience.waiting(held, releasedCount)(releasedCount);
}

it('ends when nothing was released since a WAITING long enough ago', () => {
  expect([waiting(0), waiting(1), waiting(1)]).toEqual([false, false, true]);
});

it.each([
  ['a release', () => releasedCount++],
  ['a message', () => patience.renew()],
  ['a WAITING that others have enough for', () => waiting(0, 0n)],
])('begins anew with %s', (_, renew) => {
  expect(waiting(0)).toBe(false);
  renew();
  expect([waiting(60), waiting(1), waiting(1)]).toEqual([false, false, true]);
});

it('does not end where garbage was released meanwhile', () => {
  waiting(0);
  vi.advanceTimersByTime(2_000);
  const isAtEnd = patience.waiting(4096n, releasedCount);
  expect(isAtEnd(releasedCount + 1)).toBe(false);
});

it('does not end where a message came meanwhile', () => {
  waiting(0);
  vi.advanceTimersByTime(2_000);
  const isAtEnd = patience.waiting(4096n, releasedCount);
  patience.renew();
  expect(isAtEnd(releasedCount)).toBe(false);
});

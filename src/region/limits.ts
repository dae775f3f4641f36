import { ArrowlabError } from '../errors.js';
import { availableBytes } from './available.js';

const UNITS: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/**
 * A number of bytes from a number or a text such as "2GiB" or "512 MiB".
 * Throws INVALID_ARGUMENT, naming `what`.
 */
export function parseByteLength(value: number | string, what: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?\s*$/.exec(String(value));
  const bytes = match ? Math.round(Number(match[1]) * UNITS[match[2] ?? 'B']!) : Number.NaN;
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `expected ${what} as a number of bytes or a text like "512MiB", found ${JSON.stringify(value)}`,
  );
}

/** The default of `maxBytes`: the smaller of 2 GiB and half of what is available. */
export const defaultMaxBytes = (): number => Math.min(2 * 2 ** 30, Math.floor(availableBytes() / 2));

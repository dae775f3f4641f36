import { readFileSync } from 'node:fs';
import { ArrowlabError } from '../errors.js';

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

/** What the first group of `pattern` matches in a file; undefined where there is no such file or text. */
function find(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(path, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** The memory, in bytes, that this process may still use: the machine's available memory, or its cgroup's limit where that is lower. */
export function availableBytes(): number {
  const machine = Number(find('/proc/meminfo', /^MemAvailable:\s+(\d+)/m) ?? Number.POSITIVE_INFINITY) * 1024;
  const group = find('/proc/self/cgroup', /^0::(\/.+)$/m) ?? '';
  const limits = [
    find(`/sys/fs/cgroup${group}/memory.max`, /^(\d+)/),
    find('/sys/fs/cgroup/memory.max', /^(\d+)/),
    find('/sys/fs/cgroup/memory/memory.limit_in_bytes', /^(\d+)/),
  ];
  return Math.min(machine, ...limits.map((limit) => Number(limit ?? Number.POSITIVE_INFINITY)));
}

/** The default of `maxBytes`: the smaller of 2 GiB and half of what is available. */
export const defaultMaxBytes = (): number => Math.min(2 * 2 ** 30, Math.floor(availableBytes() / 2));

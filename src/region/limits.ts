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

function readNumber(path: string, pattern: RegExp): number {
  try {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    return found ? Number(found[1]) : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The memory, in bytes, that this process may still use: the machine's available memory, or its cgroup's limit where that is lower. */
export function availableBytes(): number {
  const machine = readNumber('/proc/meminfo', /^MemAvailable:\s+(\d+)/m) * 1024;
  const group = readNumber('/proc/self/cgroup', /^0::()/m) === 0 ? cgroupPath() : '';
  return Math.min(
    machine,
    readNumber(`/sys/fs/cgroup${group}/memory.max`, /^(\d+)/),
    readNumber('/sys/fs/cgroup/memory.max', /^(\d+)/),
    readNumber('/sys/fs/cgroup/memory/memory.limit_in_bytes', /^(\d+)/),
  );
}

function cgroupPath(): string {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
  return path === '/' ? '' : path;
}

/** The default of `maxBytes`: the smaller of 2 GiB and half of what is available. */
export const defaultMaxBytes = (): number => Math.min(2 * 2 ** 30, Math.floor(availableBytes() / 2));

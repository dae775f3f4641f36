import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How a control group's files are called, in both versions of cgroups. */
interface GroupFiles {
  folder: string;
  limit: string;
  used: string;
}

/** What the first group of `pattern` matches in a file; undefined where there is no such file or text. */
function find(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(path, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** The groups that limit this process: its own and those around it. A container may see its own as the root. */
function* groups(root: string): Iterable<GroupFiles> {
  const own = join(root, 'proc/self/cgroup');
  const mount = join(root, 'sys/fs/cgroup');
  const v1 = { mount: join(mount, 'memory'), limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes' };
  const v2 = { mount, limit: 'memory.max', used: 'memory.current' };
  for (const [version, pattern] of [
    [v2, /^0::(\/.*)$/m],
    [v1, /^\d+:(?:\w+,)*memory(?:,\w+)*:(\/.*)$/m],
  ] as const) {
    for (let path = find(own, pattern); path; path = path === '/' ? undefined : dirname(path)) {
      yield { ...version, folder: join(version.mount, path) };
    }
  }
}

/** What a group's processes may still use, in bytes: its limit less what they use, where that is not files the system can forget. */
function freeIn({ folder, limit, used }: GroupFiles): number {
  const most = Number(find(join(folder, limit), /^(\d+)/) ?? Number.POSITIVE_INFINITY);
  const now = Number(find(join(folder, used), /^(\d+)/) ?? 0);
  const files = Number(find(join(folder, 'memory.stat'), /^(?:total_)?inactive_file (\d+)/m) ?? 0);
  return Math.max(0, most - Math.max(0, now - files));
}

/**
 * The memory, in bytes, that this process may still use: the machine's available memory, or what its control groups leave where that is less.
 * @param root where `proc` and `sys` are.
 */
export function availableBytes(root = '/'): number {
  const machine = Number(find(join(root, 'proc/meminfo'), /^MemAvailable:\s+(\d+)/m) ?? Number.POSITIVE_INFINITY);
  return Math.min(machine * 1024, ...[...groups(root)].map(freeIn));
}

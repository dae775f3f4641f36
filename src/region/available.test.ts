import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { availableBytes } from './available.js';

const GIB = 2 ** 30;
let root: string;

/** A file system's `proc` and `sys` with these files. */
function lay(files: Record<string, string>): string {
  root = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  for (const [path, contents] of Object.entries({ 'proc/meminfo': `MemAvailable: ${(8 * GIB) / 1024} kB`, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), contents);
  }
  return root;
}

afterEach(() => rmSync(root, { recursive: true, force: true }));

it("is the machine's available memory where nothing limits it", () => {
  expect(availableBytes(lay({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': 'max\n' }))).toBe(8 * GIB);
  expect(availableBytes(lay({}))).toBe(8 * GIB);
});

it.each([
  [
    'a cgroup v2',
    {
      'proc/self/cgroup': '0::/pod/container\n',
      'sys/fs/cgroup/pod/container/memory.max': 'max\n',
      'sys/fs/cgroup/pod/memory.max': `${2 * GIB}\n`,
      'sys/fs/cgroup/pod/memory.current': `${GIB}\n`,
      'sys/fs/cgroup/pod/memory.stat': `anon 5\ninactive_file ${GIB / 2}\n`,
    },
  ],
  [
    'a cgroup v1',
    {
      'proc/self/cgroup': '5:cpu:/other\n4:hugetlb,memory:/docker/a\n0::/\n',
      'sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes': `${2 * GIB}\n`,
      'sys/fs/cgroup/memory/docker/a/memory.usage_in_bytes': `${GIB}\n`,
      'sys/fs/cgroup/memory/docker/a/memory.stat': `cache 1\ntotal_inactive_file ${GIB / 2}\n`,
    },
  ],
  [
    'a cgroup v1 that a container sees as the root',
    {
      'proc/self/cgroup': '4:memory:/docker/a\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': `${1.5 * GIB}\n`,
    },
  ],
])('is what %s leaves', (_, files) => {
  expect(availableBytes(lay(files as unknown as Record<string, string>))).toBe(1.5 * GIB);
});

it('is never less than nothing', () => {
  const files = {
    'proc/self/cgroup': '0::/\n',
    'sys/fs/cgroup/memory.max': '1000\n',
    'sys/fs/cgroup/memory.current': '4000\n',
  };
  expect(availableBytes(lay(files))).toBe(0);
});

import { readFileSync } from 'node:fs';
import { release, totalmem } from 'node:os';
import { availableMemory, constrainedMemory } from 'node:process';
import { availableBytes, defaultMaxBytes } from '../../region/index.js';
import { type Check, optional, required } from './check.js';

/** What the kernel has to be for what, oldest first. */
const KERNEL_FEATURES: [name: string, version: [number, number], without: string][] = [
  ['pidfd', [5, 3], 'whether a peer still runs is asked by its pid'],
  ['MADV_POPULATE_WRITE', [5, 14], 'memory is made resident by touching it, which is slower'],
  ['PAGEMAP_SCAN', [6, 7], 'the pages of a released batch are dropped whole, which costs page faults'],
];
const REGION_BYTES = { largest: 64 * 2 ** 30, smallest: 2 ** 30 };
const LOW_MEMORY_BYTES = 512 * 2 ** 20;
const OPEN_FILES = 256;

const gibibytes = (bytes: number): string =>
  Number.isFinite(bytes) ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : 'unlimited';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** A soft limit of this process, from /proc/self/limits. */
function limit(name: string): number {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(read('/proc/self/limits'))?.[1];
  return soft && soft !== 'unlimited' ? Number(soft) : Number.POSITIVE_INFINITY;
}

/** Kernel, huge pages, memory and limits of this machine. */
export function checkMachine(): Check[] {
  return [...checkKernel(), ...checkHugePages(), ...checkMemory(), ...checkLimits()];
}

function checkKernel(): Check[] {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return [
    required(
      'Linux',
      process.platform === 'linux',
      `${process.platform} ${release()}`,
      'use a Linux machine, virtual machine or container',
    ),
    ...KERNEL_FEATURES.map(([name, version, without]) =>
      optional(
        name,
        major > version[0] || (major === version[0] && minor >= version[1]),
        `kernel ${major}.${minor}`,
        `Linux >= ${version.join('.')} has it; without it ${without}`,
      ),
    ),
  ];
}

function checkHugePages(): Check[] {
  const mode = /\[(\w+)\]/.exec(read('/sys/kernel/mm/transparent_hugepage/shmem_enabled'))?.[1] ?? 'not offered';
  const pages = Number(/^HugePages_Total:\s+(\d+)/m.exec(read('/proc/meminfo'))?.[1] ?? 0);
  const advice =
    'not needed; for tables of many GiB: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled (as root)';
  return [
    optional(
      'huge pages',
      pages > 0 || !['never', 'deny', 'not offered'].includes(mode),
      `shared memory: ${mode}, hugetlb pages: ${pages}`,
      advice,
    ),
  ];
}

function checkMemory(): Check[] {
  const group = constrainedMemory();
  const groupText = group > 0 && group < totalmem() ? gibibytes(group) : 'none';
  const available = availableBytes();
  return [
    optional(
      'memory',
      available >= LOW_MEMORY_BYTES,
      `${gibibytes(availableMemory())} available, cgroup limit ${groupText}, default maxBytes ${gibibytes(defaultMaxBytes())}`,
      'free some, or raise the limit of the container',
    ),
  ];
}

function checkLimits(): Check[] {
  const addressSpace = limit('Max address space');
  const fileSize = limit('Max file size');
  const openFiles = limit('Max open files');
  return [
    checkRegionLimit('address space', addressSpace, 'ulimit -v unlimited'),
    checkRegionLimit('file size', fileSize, 'ulimit -f unlimited'),
    optional('open files', openFiles >= OPEN_FILES, String(openFiles), `ulimit -n ${OPEN_FILES}: each peer takes four`),
  ];
}

function checkRegionLimit(name: string, bytes: number, advice: string): Check {
  if (bytes < REGION_BYTES.smallest)
    return required(
      name,
      false,
      gibibytes(bytes),
      `a region takes ${gibibytes(REGION_BYTES.smallest)} at least: ${advice}`,
    );
  return optional(
    name,
    bytes >= 2 * REGION_BYTES.largest,
    gibibytes(bytes),
    `regions will be smaller than ${gibibytes(REGION_BYTES.largest)}: ${advice}`,
  );
}

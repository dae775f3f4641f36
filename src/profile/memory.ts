import { readFileSync } from 'node:fs';

/** One process's memory, in bytes. Pss counts a page that n processes share as 1/n: only so may processes be added up. */
export interface ProcessMemory {
  pss: number;
  pssAnon: number;
  pssShmem: number;
}

/** From `/proc/PID/smaps_rollup`; undefined when the process is gone. */
export function memoryOf(pid: number | 'self'): ProcessMemory | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const bytes = (field: string) => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    return { pss: bytes('Pss'), pssAnon: bytes('Pss_Anon'), pssShmem: bytes('Pss_Shmem') };
  } catch {
    return undefined;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What a process has of the system. */
export interface Belongings {
  /** Bytes of memory that are its own, or its part of what is shared. */
  pss: number;
  descriptors: number;
  /** Maps of regions. */
  regions: number;
  threads: number;
}

const ANSWER_TIMEOUT_MS = 15_000;

/** Memory that a process may have won: what its allocator and its garbage collector keep. */
const ALLOWANCE_BYTES = 48 * 2 ** 20;

/** A process that answers each line with a line of JSON. That it ends before it is told to, or says nothing, is a failure. */
export class ProcessUnderTest {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<string>;
  #errors = '';
  /** Whether it has failed: nothing that it is asked after that tells anything. */
  isLost = false;

  constructor(command: string, args: string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    this.#child.stdin!.on('error', () => {}); // that it is dead is told by who waits for its answer
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4_000);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => resolve(`exit code ${code}, signal ${signal}; ${this.#errors}`));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The answer to a line; without one, the next line that it says. */
  async ask<T>(line?: string): Promise<T> {
    if (line !== undefined) this.#child.stdin!.write(`${line}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(new Error(`expected an answer to ${line} in ${ANSWER_TIMEOUT_MS} ms, found none: ${this.#errors}`)),
        ANSWER_TIMEOUT_MS,
      );
    });
    try {
      const next = await Promise.race([this.#lines.next(), late]);
      if (next.done) throw new Error(`expected a process that goes on, found its end: ${await this.#ended}`);
      return JSON.parse(next.value);
    } catch (error) {
      this.isLost = true;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  belongings(): Belongings {
    const of = (file: string) => readFileSync(`/proc/${this.pid}/${file}`, 'utf8');
    return {
      pss: 1024 * Number(/^Pss:\s+(\d+)/m.exec(of('smaps_rollup'))![1]),
      descriptors: readdirSync(`/proc/${this.pid}/fd`).length,
      regions: of('maps')
        .split('\n')
        .filter((map) => map.includes('/memfd:')).length,
      threads: readdirSync(`/proc/${this.pid}/task`).length,
    };
  }

  /** What it has more than before, when it has collected its garbage; empty where that is within the allowance. */
  async gains(before: Belongings): Promise<Record<string, string>> {
    await this.ask('collect');
    const after = this.belongings();
    const found: Record<string, string> = {};
    if (after.pss > before.pss + ALLOWANCE_BYTES) found.pss = `${before.pss} -> ${after.pss}`;
    for (const what of ['descriptors', 'regions', 'threads'] as const)
      if (after[what] > before[what]) found[what] = `${before[what]} -> ${after[what]}`;
    return found;
  }

  /** The most memory that was ever its own, in bytes. */
  peakBytes(): number {
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]);
  }

  /** Ends it by the end of its standard input; gives what it ended with. */
  async end(): Promise<string> {
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
    const outcome = await this.#ended;
    clearTimeout(timer);
    return outcome;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

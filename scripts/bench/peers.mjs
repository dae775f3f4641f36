// The other sides of the benchmarks, as far as they are installed, and how to start one.
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { native } from '../../dist/native.js';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const nodePeer = { language: 'node', command: process.execPath, args: [at('scripts/bench/peer.mjs')] };

export function benchPeers() {
  return [
    { language: 'python', command: at('python-peer/.venv/bin/python'), args: [at('scripts/bench/peer.py')] },
    { language: 'rust', command: at('rust-peer/target/release/examples/bench-peer'), args: [] },
  ].filter(({ command }) => existsSync(command));
}

/** Page faults without I/O of a process so far. */
export function minorFaultsOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[7]);
}

/** A peer at work, with one end of a pair of sockets as its descriptor 3; the other end is `fd`, the caller's. */
export class BenchPeer {
  /** The peer's last mark: its CPU time in ns and its minor faults so far. */
  last;
  #lines;

  /** `words`: mode, batches between two marks, what else it is told. With `showsBoth` the peer gets this side's end too, as descriptor 4. */
  constructor({ language, command, args }, words, { stdin = 'ignore', showsBoth = false } = {}) {
    const [ours, theirs] = native().socketPair();
    const stdio = [stdin, 'pipe', 'inherit', theirs, ...(showsBoth ? [ours] : [])];
    this.child = execa(command, [...args, ...words.map(String)], { stdio, buffer: false, reject: false });
    closeSync(theirs);
    this.language = language;
    this.fd = ours;
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  get pid() {
    return this.child.pid;
  }

  isAlive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The next line it prints, from JSON. */
  async line() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    await this.end();
    throw new Error(`expected another line of the ${this.language} peer, found that it ended`);
  }

  /** Waits until it says that it has read the next batches (first: that it is ready); returns what that took since the mark before. */
  async mark() {
    const { cpuNs } = await this.line();
    const before = this.last ?? { cpuNs: 0, minorFaults: 0 };
    this.last = { cpuNs, minorFaults: minorFaultsOf(this.pid) };
    return { cpuNs: cpuNs - before.cpuNs, minorFaults: this.last.minorFaults - before.minorFaults };
  }

  /** Waits until it ends, which has to be in order. */
  async end() {
    const { exitCode, signal } = await this.child;
    if (exitCode !== 0) throw new Error(`the ${this.language} peer failed with ${signal ?? `exit code ${exitCode}`}`);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.child;
  }
}

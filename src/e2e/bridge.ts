import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Field, Float64, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { execa } from 'execa';
import { afterEach, beforeEach } from 'vitest';
import { connect, type LeasedBatch, type ListenOptions, listen, type Peer, type Server } from '../index.js';
import { findPython, findRustPeer } from '../sidecar/index.js';

export const MIB = 2 ** 20;

export const priceSchema = new Schema([new Field('price', new Float64(), false)]);

/** A batch of `rows` prices that count up from `first`. */
export function prices(rows: number, first = 0): RecordBatch {
  const data = new Float64Array(rows);
  for (let i = 0; i < rows; i++) data[i] = first + i;
  const column = makeData({ type: new Float64(), length: rows, data });
  return new RecordBatch(
    priceSchema,
    makeData({ type: new Struct(priceSchema.fields), length: rows, children: [column] }),
  );
}

/** A batch of `byteLength` bytes of prices. */
export const pricesOf = (byteLength: number, first = 0): RecordBatch => prices(byteLength / 8, first);

export const firstPrice = (batch: RecordBatch): number => batch.getChild('price')!.get(0) as number;

/** All batches of a stream, which the caller owns. */
export async function collect(peer: Peer, name: string): Promise<LeasedBatch[]> {
  const batches: LeasedBatch[] = [];
  for await (const batch of peer.subscribe(name)) batches.push(batch);
  return batches;
}

/** Reads a stream to its end, releasing each batch at once; how many there were. `look` sees each before that. */
export async function drain(peer: Peer, name: string, look?: (batch: LeasedBatch) => void): Promise<number> {
  let count = 0;
  for await (const batch of peer.subscribe(name)) {
    look?.(batch);
    count++;
    batch.release();
  }
  return count;
}

/** Publishes "prices" and writes `total` bytes of it in batches of a mebibyte, numbered by their first value; ends it. */
export async function producePrices(server: Server, total: number): Promise<void> {
  const stream = server.publish('prices', priceSchema);
  for (let i = 0; i < total / MIB; i++) await stream.write(pricesOf(MIB, i));
  await stream.end();
}

/** A process of its own, spoken to in lines. */
export class Program {
  readonly child;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: string[]) {
    this.child = execa(command, args, { reject: false, stdin: 'pipe', buffer: { stdout: false } });
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The next line it prints; where it ends before, what it said on standard error. */
  async line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`the program ended: ${(await this.child).stderr}`);
    return value;
  }

  say(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Sends a signal and, where that ends it, waits for the end. */
  async kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    if (signal === 'SIGKILL') await this.child;
  }
}

/** A server in a folder of its own, peers and programs around it. All of it is gone after each test. */
export class Bridge {
  path = '';
  folder = '';
  #servers: Server[] = [];
  #peers: Peer[] = [];
  #programs: Program[] = [];

  async serve(options: Omit<ListenOptions, 'path'> = {}): Promise<Server> {
    const server = await listen({ path: this.path, ...options });
    this.#servers.push(server);
    return server;
  }

  /** A peer in this process. */
  async meet(): Promise<Peer> {
    const peer = await connect(this.path);
    this.#peers.push(peer);
    return peer;
  }

  /** A Python program; `path`, `say(...)` and `hear()` are there for it, and arrowlab. */
  python(body: string): Program {
    return this.run(...pythonCommand(body), this.path);
  }

  /** A program for Node, as a module; `path`, `say(...)` and `hear()` are there for it, and `arrowlab`, from dist. */
  node(body: string): Program {
    return this.run(...nodeCommand(body), this.path);
  }

  /** A program in one of these languages. */
  program(language: 'node' | 'python', body: string): Program {
    return language === 'node' ? this.node(body) : this.python(body);
  }

  /** The Rust peer, which holds the stream "prices" when it is told `go`. */
  rust(): Program {
    return this.run(...this.#rustCommand());
  }

  /** A program of which a shell has set limits before; `$FOLDER` is the socket's. Without a body it is the Rust peer. */
  limited(limits: string, source?: { language: 'python' | 'node'; body: string }): Program {
    const command = source
      ? [...(source.language === 'node' ? nodeCommand(source.body) : pythonCommand(source.body)), this.path]
      : this.#rustCommand();
    return this.run('env', `FOLDER=${this.folder}`, 'sh', '-c', `${limits}; exec "$@"`, 'sh', ...command);
  }

  #rustCommand(): [string, ...string[]] {
    return [findRustPeer(), '--socket', this.path, '--stream', 'prices'];
  }

  run(command: string, ...args: string[]): Program {
    const program = new Program(command, args);
    this.#programs.push(program);
    return program;
  }

  begin(): void {
    this.folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
    this.path = join(this.folder, 'server.sock');
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.splice(0).map((program) => program.kill()));
    await Promise.all(this.#peers.splice(0).map((peer) => peer.close()));
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
    rmSync(this.folder, { recursive: true });
  }

  /** What lies beside the socket. */
  files(): string[] {
    return readdirSync(this.folder);
  }
}

function pythonCommand(body: string): [string, ...string[]] {
  const { command, args } = findPython();
  return [command, ...args, '-c', `${PYTHON_PRELUDE}${body}`];
}

const nodeCommand = (body: string): [string, ...string[]] => [
  process.execPath,
  '--input-type=module',
  '--eval',
  `${NODE_PRELUDE}${body}`,
];

const PYTHON_PRELUDE = `
import gc, os, resource, sys, time
import arrowlab
path = sys.argv[1]
def say(*words): print(*words, flush=True)
def hear(): return sys.stdin.readline().strip()
`;

const NODE_PRELUDE = `
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeVector, Table } from ${JSON.stringify(import.meta.resolve('apache-arrow'))};
import * as arrowlab from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
const path = process.argv[1];
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (...words) => console.log(...words);
const hear = async () => (await lines.next()).value;
const pricesOf = (byteLength, first = 0) => {
  const price = new Float64Array(byteLength / 8);
  for (let i = 0; i < price.length; i++) price[i] = first + i;
  return new Table({ price: makeVector(price) });
};
`;

/** A bridge for the tests of a file. */
export function useBridge(): Bridge {
  const bridge = new Bridge();
  beforeEach(() => bridge.begin());
  afterEach(() => bridge.end());
  return bridge;
}

/** What a process has open and mapped of regions: descriptors and maps of memfds, sockets. */
export function footprint(pid: number | 'self' = 'self'): { descriptors: number; maps: number } {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    maps: maps.filter((line) => line.includes('memfd')).length,
  };
}

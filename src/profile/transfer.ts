import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArrowlabError } from '../errors.js';
import { memoryOf } from './memory.js';
import type { Held, PeerProcess } from './peer-process.js';
import type { TransferSource } from './source.js';

export interface PeerReport extends Omit<Held, 'readableNs'> {
  language: string;
  pid: number;
  pssBeforeBytes: number;
  pssBytes: number;
  /** Bytes of the payload that this peer has in memory of its own, as far as anything shows. */
  copiedBytes: number;
}

export interface TransferReport {
  way: 'shared' | 'copied';
  /** Bytes of the IPC messages, which every peer read. */
  payloadBytes: number;
  batches: number;
  rows: number;
  /** Bytes that were copied on the way to the peers, in all of them together. */
  bytesCopied: number;
  /** From before the first batch was sent until the peer had read its first value; of the slowest peer. */
  handoffMs: number;
  /** CPU time of all processes from placing the data until every batch was readable. */
  cpuMs: number;
  /**
   * Whether every peer computed the producer's checksums. Those that the producer can't compute (of compressed bodies) are compared
   * among the peers; null where there is only one.
   */
  checksumsEqual: boolean | null;
  checksums: Record<string, string> | null;
  producer: { pid: number; pssBeforeBytes: number; pssBytes: number };
  /** Growth of Pss of all processes from before the data was placed until every peer held it. */
  pssGrowthBytes: number;
  peers: PeerReport[];
}

/** What was handed over. */
export interface Sent {
  payloadBytes: number;
  batches: number;
  rows: number;
}

/** What one way of handing data over does; `runTransfer` does the rest. */
export interface Way {
  readonly name: TransferReport['way'];
  /** Starts a peer with more arguments; the caller ends it. */
  start(args: string[]): PeerProcess;
  /** Waits until a peer that was started is connected and ready. */
  connect(peer: PeerProcess): Promise<void>;
  /** Hands the source's data to all peers; settles when it is sent. Returns what that took. */
  send(source: TransferSource): Promise<Sent>;
  close(): Promise<void>;
}

export interface TransferOptions {
  consumers: number;
  /** Where the first peer writes what it received, as an Arrow IPC stream. */
  output?: string | undefined;
  sleepMs: number;
  signal: AbortSignal;
  /** Called with each peer's report while all still hold the data. */
  onHeld?: (peers: PeerReport[]) => void;
}

/** Growth of anonymous memory that says nothing, by language: an interpreter's heap; in Node, garbage not collected yet. */
const NOISE_BYTES: Record<string, number> = { python: 2 ** 20, rust: 2 ** 20, node: 48 * 2 ** 20 };

/** Hands a source's data to peers one way, and reports what it took. Every peer is ended, whatever happens. */
export async function runTransfer(way: Way, source: TransferSource, options: TransferOptions): Promise<TransferReport> {
  const peers: PeerProcess[] = [];
  const stop = () => {
    for (const peer of peers) peer.kill();
  };
  options.signal.addEventListener('abort', stop);
  try {
    for (let i = 0; i < options.consumers; i++) {
      const peer = way.start(i === 0 && options.output ? ['--output', options.output] : []);
      peers.push(peer);
      await way.connect(peer);
    }
    const report = await handOver(way, source, peers, options);
    for (const peer of peers) peer.say('release');
    await Promise.all(peers.map((peer) => peer.expect('released')));
    return report;
  } catch (error) {
    stop(); // a peer may be in the middle of reading
    if (options.signal.aborted) throw new ArrowlabError('ABORTED', 'the transfer was interrupted', { cause: error });
    throw error;
  } finally {
    options.signal.removeEventListener('abort', stop);
    await Promise.all(peers.map((peer) => peer.close()));
    await way.close();
  }
}

async function handOver(
  way: Way,
  source: TransferSource,
  peers: PeerProcess[],
  options: TransferOptions,
): Promise<TransferReport> {
  const before = peers.map(({ pid }) => memoryOf(pid)!.pss);
  const ownBefore = memoryOf('self')!.pss;
  const sent = watchSending();
  const cpuBefore = process.cpuUsage();
  try {
    for (const peer of peers) peer.say('go');
    const data = await way.send(source);
    const { payloadBytes } = data;
    const cpu = process.cpuUsage(cpuBefore);
    const held = await Promise.all(peers.map((peer) => peer.expect('held')));
    const reports = held.map((one, i) => reportOf(one, peers[i]!, before[i]!, payloadBytes));
    options.onHeld?.(reports);
    await sleep(options.sleepMs, undefined, { signal: options.signal });
    const pssBytes = memoryOf('self')!.pss;
    for (const report of reports) report.pssBytes = memoryOf(report.pid)?.pss ?? report.pssBytes;
    checkComplete(data, reports);
    const checksums = source.checksums();
    return {
      way: way.name,
      payloadBytes,
      batches: data.batches,
      rows: data.rows,
      bytesCopied: reports.reduce((sum, { copiedBytes }) => sum + copiedBytes, 0),
      handoffMs: Math.max(
        ...held.map(({ readableNs }, i) =>
          readableNs[0] ? Number(BigInt(readableNs[0]) - sent.firstNs(peers[i]!.pid)) / 1e6 : 0,
        ),
      ),
      cpuMs: (cpu.user + cpu.system) / 1e3 + reports.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      checksumsEqual: compare(checksums, reports),
      checksums,
      producer: { pid: process.pid, pssBeforeBytes: ownBefore, pssBytes },
      pssGrowthBytes:
        pssBytes - ownBefore + reports.reduce((sum, report) => sum + report.pssBytes - report.pssBeforeBytes, 0),
      peers: reports,
    };
  } finally {
    sent.stop();
  }
}

function reportOf(
  { readableNs: _, event: __, ...held }: Held & { event: string },
  peer: PeerProcess,
  pssBeforeBytes: number,
  payloadBytes: number,
): PeerReport {
  // Three witnesses: where the buffers lie, what the Arrow library allocated, what the process's own memory grew by.
  const isNoise = held.anonBytes < (NOISE_BYTES[peer.language] ?? 0) || held.anonBytes < payloadBytes / 4;
  const grownBytes = isNoise ? 0 : held.anonBytes;
  const copiedBytes = held.inlineBytes + Math.max(held.outsideBytes, held.allocatedBytes ?? 0, grownBytes);
  return {
    language: peer.language,
    pid: peer.pid,
    ...held,
    pssBeforeBytes,
    pssBytes: memoryOf(peer.pid)!.pss,
    copiedBytes,
  };
}

/** The producer's checksums against every peer's; without a producer's, the peers' against each other, where there are several. */
function compare(own: Record<string, string> | null, peers: PeerReport[]): boolean | null {
  if (!own && peers.length === 1) return null;
  const expected = JSON.stringify(own ?? peers[0]!.checksums);
  return peers.every(({ checksums }) => JSON.stringify(checksums) === expected);
}

/** Every peer has to have all there is. Throws PEER_FAILED. */
function checkComplete({ batches, rows }: { batches: number; rows: number }, peers: PeerReport[]): void {
  const short = peers.find((peer) => peer.batches !== batches || peer.rows !== rows);
  if (short)
    throw new ArrowlabError(
      'PEER_FAILED',
      `expected ${rows} rows in ${batches} batches at every peer, found ${short.rows} in ${short.batches} at the ${short.language} peer (pid ${short.pid})`,
    );
}

/** When the first batch was sent to each peer, by CLOCK_MONOTONIC. */
function watchSending() {
  const first = new Map<number, bigint>();
  const onSending = (message: unknown): void => {
    const { pid, kind } = message as { pid: number; kind: string };
    if (kind === 'batch' && !first.has(pid)) first.set(pid, process.hrtime.bigint());
  };
  subscribe('arrowlab:sending', onSending);
  return {
    firstNs: (pid: number): bigint => first.get(pid) ?? 0n,
    stop: () => unsubscribe('arrowlab:sending', onSending),
  };
}

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
  /** Whether every peer computed the producer's checksums; those that the producer can't compute are compared among the peers. */
  checksumsEqual: boolean;
  checksums: Record<string, string> | null;
  producer: { pid: number; pssBeforeBytes: number; pssBytes: number };
  /** Growth of Pss of all processes from before the data was placed until every peer held it. */
  pssGrowthBytes: number;
  peers: PeerReport[];
}

/** What one way of handing data over does; `runTransfer` does the rest. */
export interface Way {
  readonly name: TransferReport['way'];
  /** Starts a peer with more arguments, and connects it. */
  start(args: string[]): Promise<PeerProcess>;
  /** Hands the source's data to all peers; settles when it is sent. Returns what that took. */
  send(source: TransferSource): Promise<{ payloadBytes: number }>;
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

/** Growth of anonymous memory that says nothing: an interpreter's heap, garbage not collected yet. */
const NOISE_BYTES = 48 * 2 ** 20;

/** Hands a source's data to peers one way, and reports what it took. Every peer is ended, whatever happens. */
export async function runTransfer(way: Way, source: TransferSource, options: TransferOptions): Promise<TransferReport> {
  const peers: PeerProcess[] = [];
  const stop = () => {
    for (const peer of peers) peer.kill();
  };
  options.signal.addEventListener('abort', stop);
  try {
    for (let i = 0; i < options.consumers; i++)
      peers.push(await way.start(i === 0 && options.output ? ['--output', options.output] : []));
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
    const { payloadBytes } = await way.send(source);
    const cpu = process.cpuUsage(cpuBefore);
    const held = await Promise.all(peers.map((peer) => peer.expect('held')));
    const reports = held.map((one, i) => reportOf(one, peers[i]!, before[i]!, payloadBytes));
    options.onHeld?.(reports);
    await sleep(options.sleepMs, undefined, { signal: options.signal });
    const pssBytes = memoryOf('self')!.pss;
    for (const report of reports) report.pssBytes = memoryOf(report.pid)?.pss ?? report.pssBytes;
    const { equal, checksums } = compare(source.checksums(), reports);
    return {
      way: way.name,
      payloadBytes,
      batches: reports[0]!.batches,
      rows: reports[0]!.rows,
      bytesCopied: reports.reduce((sum, { copiedBytes }) => sum + copiedBytes, 0),
      handoffMs: Math.max(
        ...held.map(({ readableNs }, i) =>
          readableNs[0] ? Number(BigInt(readableNs[0]) - sent.firstNs(peers[i]!.pid)) / 1e6 : 0,
        ),
      ),
      cpuMs: (cpu.user + cpu.system) / 1e3 + reports.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      checksumsEqual: equal,
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
  const grownBytes = held.anonBytes > NOISE_BYTES && held.anonBytes > payloadBytes / 4 ? held.anonBytes : 0;
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

/** The producer's checksums against every peer's; without a producer's, the peers' against each other. */
function compare(
  own: Record<string, string> | null,
  peers: PeerReport[],
): { equal: boolean; checksums: Record<string, string> | null } {
  const expected = JSON.stringify(own ?? peers[0]!.checksums);
  return { equal: peers.every(({ checksums }) => JSON.stringify(checksums) === expected), checksums: own };
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

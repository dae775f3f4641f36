import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { connect, type EndpointStatus } from '../bridge/index.js';
import { interval } from './arguments.js';
import { mebibytes, runCommand } from './output.js';
import { gridText } from './rows/grid.js';
import { visible } from './rows/table.js';

interface StatusFlags {
  socket: string;
  watch?: number;
  json?: boolean;
}

const CLEAR_TERMINAL = '\x1b[H\x1b[J';

const HELP = `
Endpoints of Python and Rust do not tell their status (ERR_ARROWLAB_NOT_SERVED).

Examples:
  alab ipc status --socket /tmp/flights.sock
  alab ipc status --socket /tmp/flights.sock --watch
  alab ipc status --socket /tmp/flights.sock --watch 5 --json`;

/** `alab ipc status`: what an endpoint says of itself. */
export function addStatusCommand(ipc: Command): void {
  ipc
    .command('status')
    .description('show streams, peers and leases, who holds what and for how long, who waits and why')
    .requiredOption('--socket <path>', 'where the endpoint listens')
    .addOption(new Option('--watch [seconds]', 'look again and again until Ctrl-C').preset('1').argParser(interval))
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', HELP)
    .action((flags: StatusFlags) =>
      runCommand(flags, (signal) => show(flags, signal), { isEndedByInterrupt: flags.watch !== undefined }),
    );
}

async function show({ socket, watch, json }: StatusFlags, signal: AbortSignal): Promise<undefined> {
  const peer = await connect(socket, { name: 'alab ipc status' });
  try {
    const redraws = watch !== undefined && !json && process.stdout.isTTY;
    for (let isFirst = true; ; isFirst = false) {
      const status = await peer.status({ signal });
      const text = json ? JSON.stringify(status) : describe(status);
      if (redraws) console.log(CLEAR_TERMINAL + text);
      else console.log(isFirst || json ? text : `\n${text}`);
      if (watch === undefined) break;
      await sleep(watch * 1000, undefined, { signal });
    }
  } catch (error) {
    if (watch === undefined || !signal.aborted) throw error;
  } finally {
    await peer.close();
  }
  return undefined;
}

const secondsOf = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** The status for people; empty lists are left out. */
function describe(status: EndpointStatus): string {
  const { name, pid, region, peers, streams, subscriptions, leases, holders, waiting, omitted } = status;
  const peerOf = new Map(peers.map((peer) => [peer.connection, `${visible(peer.name)} (pid ${peer.pid})`]));
  const who = (connection: number): string => `${connection} ${peerOf.get(connection) ?? ''}`.trimEnd();
  return [
    `${visible(name)} (pid ${pid})`,
    `region: ${mebibytes(region.usedBytes)} used, ${mebibytes(region.warmBytes)} warm, ${mebibytes(region.residentBytes)} resident, at most ${mebibytes(region.maxBytes)}`,
    section(
      ['stream', 'rows', 'batches', 'written', 'used', 'retained', 'subscribers', 'readers', 'dropped', 'state'],
      streams.map((stream) => [
        visible(stream.name),
        String(stream.rows),
        String(stream.batches),
        mebibytes(stream.writtenBytes),
        mebibytes(stream.usedBytes),
        mebibytes(stream.retainedBytes),
        String(stream.subscribers),
        String(stream.readers),
        String(stream.droppedBatches),
        stream.isEnded ? 'ended' : 'open',
      ]),
    ),
    section(
      ['peer', 'state', 'for', ''],
      peers.map((peer) => [
        who(peer.connection),
        peer.state,
        secondsOf(peer.forMs),
        peer.isAsking ? '<- this command' : '',
      ]),
    ),
    section(
      ['subscription of', 'stream', 'state', 'for', 'credit', 'queued', 'dropped'],
      subscriptions.map((one) => [
        ...[who(one.connection), visible(one.stream), one.state, secondsOf(one.forMs)],
        ...[one.credit, one.queuedMessages, one.droppedBatches].map(String),
      ]),
    ),
    section(
      ['leased by', 'stream', 'leases', 'size', 'oldest'],
      leases.map((lease) => [
        ...[who(lease.connection), visible(lease.stream), String(lease.leases)],
        ...[mebibytes(lease.bytes), secondsOf(lease.oldestMs)],
      ]),
    ),
    section(
      ['held by', 'size', 'oldest'],
      holders.map(({ holder, bytes, oldestMs }) => [visible(holder), mebibytes(bytes), secondsOf(oldestMs)]),
    ),
    section(
      ['waits', 'for', 'since', 'why'],
      waiting.map((wait) => [visible(wait.who), wait.for, secondsOf(wait.forMs), visible(wait.why)]),
    ),
    ...Object.entries(omitted).map(([list, entries]) => `(${entries} more ${list} did not fit)`),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

function section(titles: string[], rows: string[][]): string {
  return rows.length === 0 ? '' : `\n${gridText([titles, ...rows])}`;
}

import type { Command } from 'commander';
import { connect, type StreamListing } from '../bridge/index.js';
import { type CommandResult, runCommand } from './output.js';
import { gridText } from './rows/grid.js';
import { visible } from './rows/table.js';

/** `alab ipc list`: what is published on a socket. */
export function addListCommand(ipc: Command): void {
  ipc
    .command('list')
    .description('list the streams that are published')
    .requiredOption('--socket <path>', 'where they are published')
    .option('--json', 'print one JSON array')
    .addHelpText('after', '\nExample:\n  alab ipc list --socket /tmp/flights.sock')
    .action((flags: { socket: string; json?: boolean }) => runCommand(flags, (signal) => list(flags.socket, signal)));
}

async function list(socket: string, signal: AbortSignal): Promise<CommandResult> {
  const peer = await connect(socket, { name: 'alab ipc list' });
  try {
    const streams = await peer.list({ signal });
    return { data: streams, text: describe(streams) };
  } finally {
    await peer.close();
  }
}

function describe(streams: StreamListing[]): string {
  if (streams.length === 0) return 'Nothing is published.';
  const rows = streams.map(({ name, batches, ended }) => [visible(name), String(batches), ended ? 'ended' : 'open']);
  return gridText([['stream', 'batches', 'state'], ...rows], [false, true]);
}

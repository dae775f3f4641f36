import { closeSync, fstatSync, openSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { listen, type PublishedStream, type Server } from '../bridge/index.js';
import { ArrowlabError } from '../errors.js';
import { availableBytes, parseByteLength } from '../region/index.js';
import { mebibytes, runCommand } from './output.js';

interface PublishFlags {
  socket: string;
  name?: string;
  maxBytes?: string;
  once?: boolean;
  json?: boolean;
}

const HELP = `
FILE is an Arrow IPC file or stream; - is standard input. Contents are checked in full. What happens is said on standard error;
with --json as events, one JSON object a line, on standard output: listening, published, peer, gone, refused, closed.
--once ends when each stream has been sent to its end to a peer that has given everything back and gone.

Examples:
  alab ipc publish flights.arrow --socket /tmp/flights.sock
  alab ipc publish - --name prices --socket /tmp/prices.sock < prices.arrows
  alab ipc publish a.arrow b.arrow --socket /tmp/ab.sock --once --json`;

/** `alab ipc publish`: the streams of files, for whoever connects. */
export function addPublishCommand(ipc: Command): void {
  ipc
    .command('publish')
    .description('publish Arrow IPC files or streams until Ctrl-C')
    .argument('<file...>', 'Arrow IPC files or streams, - for standard input')
    .requiredOption('--socket <path>', 'where to listen, in a folder that only you can enter')
    .option('--name <name>', "the stream's name (default: the file's without extension; stdin)")
    .option('--max-bytes <size>', 'memory for the data at most, such as 2GiB (default: 80 % of what is available)')
    .option('--once', 'end after the first that has read each stream')
    .option('--json', 'print events as JSON lines')
    .addHelpText('after', HELP)
    .action((files: string[], flags: PublishFlags) =>
      runCommand(flags, (signal) => publish(files, flags, signal), { isEndedByInterrupt: true }),
    );
}

async function publish(files: string[], flags: PublishFlags, signal: AbortSignal): Promise<undefined> {
  const names = namesOf(files, flags.name);
  const maxBytes =
    flags.maxBytes === undefined ? Math.floor(0.8 * availableBytes()) : parseByteLength(flags.maxBytes, '--max-bytes');
  const say = (event: string, text: string, details: object = {}): void =>
    flags.json ? console.log(JSON.stringify({ event, ...details })) : console.error(text);
  const server = await listen({ path: flags.socket, maxBytes, name: 'alab ipc publish' });
  try {
    const streams: PublishedStream[] = [];
    const isOver = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      server.on('gone', () => {
        if (flags.once && streams.length === files.length && streams.every(({ readers }) => readers > 0)) resolve();
      });
    });
    tellOfPeers(server, say);
    say('listening', `listening on ${flags.socket}`, { socket: flags.socket, pid: process.pid });
    for (const [index, file] of files.entries()) {
      if (signal.aborted) break;
      const stream = await publishFile(server, names[index]!, file, maxBytes, signal);
      streams.push(stream);
      const { name, batches, writtenRows: rows, writtenBytes: bytes } = stream;
      say(
        'published',
        `published ${JSON.stringify(name)}: ${rows} rows, ${batches} ${batches === 1 ? 'batch' : 'batches'}, ${mebibytes(bytes)}`,
        {
          ...{ name, file, batches, rows, bytes },
        },
      );
    }
    await isOver;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await server.close();
  }
  say('closed', 'closed');
  return undefined;
}

function namesOf(files: string[], name: string | undefined): string[] {
  const usage = (message: string) => new CommanderError(2, 'alab.usage', message);
  if (name !== undefined && files.length > 1)
    throw usage(`--name is for one file, and there are ${files.length}: leave it out, or publish one`);
  const names = files.map((file) => name ?? (file === '-' ? 'stdin' : basename(file, extname(file))));
  const twice = names.find((each, at) => names.indexOf(each) < at);
  if (twice !== undefined) throw usage(`two files would be published as ${JSON.stringify(twice)}: rename one`);
  return names;
}

function tellOfPeers(server: Server, say: (event: string, text: string, details: object) => void): void {
  server.on('peer', (peer) => say('peer', `peer ${peer.name} (pid ${peer.pid}) came`, peer));
  server.on('gone', (peer, error) => {
    const why = error && { code: error.code, message: error.message };
    say('gone', `peer ${peer.name} (pid ${peer.pid}) is gone${why ? `: ${why.message}` : ''}`, { ...peer, error: why });
  });
  server.on('refused', ({ code, message }) => say('refused', `refused: ${message}`, { code, message }));
}

async function publishFile(
  server: Server,
  name: string,
  file: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<PublishedStream> {
  if (file === '-')
    return server.publishIpc(name, fstatSync(0).isFile() ? 0 : await readStandardInput(maxBytes, signal));
  const fd = open(file);
  try {
    return await server.publishIpc(name, fd);
  } finally {
    closeSync(fd);
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    const found = (cause as Error).message;
    throw new ArrowlabError('INVALID_ARGUMENT', `expected a readable Arrow IPC file, found ${found}`, { cause });
  }
}

/** A pipe's bytes, which have to be there as a whole before they can be placed. */
async function readStandardInput(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let byteLength = 0;
  const stop = (): void => void process.stdin.destroy();
  signal.addEventListener('abort', stop);
  try {
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer);
      byteLength += (chunk as Buffer).byteLength;
      if (byteLength > maxBytes)
        throw new ArrowlabError(
          'MEMORY_LIMIT',
          `expected at most ${maxBytes} bytes on standard input, found more: raise --max-bytes`,
        );
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return Buffer.concat(chunks);
}

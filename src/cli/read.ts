import { type Command, CommanderError } from 'commander';
import { connect, type LeasedBatch, type Peer } from '../bridge/index.js';
import { ArrowlabError } from '../errors.js';
import { countOrNone, seconds } from './arguments.js';
import {
  type Destination,
  FileDestination,
  JsonDestination,
  PipeDestination,
  TableDestination,
} from './destination.js';
import { runCommand } from './output.js';
import { Progress } from './progress.js';
import { JSON_VALUES } from './rows/value.js';

interface ReadFlags {
  socket: string;
  head?: number;
  output?: string;
  json?: boolean;
  timeout?: number;
}

const DEFAULT_HEAD = 10;

const HELP = `
Without NAME it reads the one stream that is published. Shows the schema and the first ${DEFAULT_HEAD} rows; --head 0 the schema alone.
--json and --output take all rows where --head does not say how many. A file gets its name when it is complete, not before.

A row in JSON is an object by column name:
${JSON_VALUES.replace(/^/gm, '  ')}

Examples:
  alab ipc read --socket /tmp/flights.sock
  alab ipc read --socket /tmp/flights.sock flights --json --head 3
  alab ipc read --socket /tmp/flights.sock flights --output copy.arrow
  alab ipc read --socket /tmp/flights.sock flights --output - --timeout 5 > copy.arrows`;

/** `alab ipc read`: a stream's rows for people, as JSON lines, or as Arrow IPC. */
export function addReadCommand(ipc: Command): void {
  ipc
    .command('read')
    .description('read a stream: a table of its first rows, JSON lines, or an Arrow IPC file or stream')
    .argument('[name]', "the stream's name")
    .requiredOption('--socket <path>', 'where it is published')
    .option('--head <n>', 'how many rows', countOrNone)
    .option('--output <path>', 'write an Arrow IPC file (.arrow) or stream (any other name; - for standard output)')
    .option('--json', 'print rows as JSON lines')
    .option('--timeout <seconds>', 'how long to wait for the stream, and for each batch (default: for ever)', seconds)
    .addHelpText('after', HELP)
    .action((name: string | undefined, flags: ReadFlags) => runCommand(flags, (signal) => read(name, flags, signal)));
}

async function read(name: string | undefined, flags: ReadFlags, signal: AbortSignal): Promise<undefined> {
  if (flags.json && flags.output !== undefined)
    throw new CommanderError(2, 'alab.usage', 'expected --json or --output, found both');
  const peer = await connect(flags.socket, { name: 'alab ipc read' });
  try {
    const stream = name ?? (await onlyStream(peer, signal));
    const destination = destinationOf(flags);
    try {
      await copy(peer, stream, destination, flags, signal);
    } catch (error) {
      destination.discard();
      throw error;
    }
  } finally {
    await peer.close();
  }
  return undefined;
}

async function onlyStream(peer: Peer, signal: AbortSignal): Promise<string> {
  const names = (await peer.list({ signal })).map(({ name }) => name);
  if (names.length === 1) return names[0]!;
  const expected = 'expected the NAME of a stream, or one stream that needs none';
  if (names.length === 0) throw new ArrowlabError('STREAM_UNKNOWN', `${expected}, found none published`);
  const found = names.map((each) => JSON.stringify(each)).join(', ');
  throw new ArrowlabError('INVALID_ARGUMENT', `${expected}, found ${names.length}: ${found}`);
}

function destinationOf({ output, json }: ReadFlags): Destination {
  if (output === '-') return new PipeDestination();
  if (output !== undefined) return new FileDestination(output);
  return json ? new JsonDestination() : new TableDestination();
}

async function copy(
  peer: Peer,
  name: string,
  destination: Destination,
  flags: ReadFlags,
  signal: AbortSignal,
): Promise<void> {
  const timeoutMs = flags.timeout === undefined ? undefined : flags.timeout * 1000;
  const progress = new Progress(!process.stdout.isTTY || (flags.output !== undefined && flags.output !== '-'));
  await using subscription = peer.subscribe(name, { signal, timeoutMs, validate: 'full' });
  let left = flags.head ?? (flags.json || flags.output !== undefined ? Number.POSITIVE_INFINITY : DEFAULT_HEAD);
  let [batches, rows] = [0, 0];
  const write = async (batch: LeasedBatch): Promise<void> => {
    const taken = Math.min(left, batch.numRows);
    await destination.write(batch, taken);
    left -= taken;
    rows += taken;
    batches++;
    progress.say(() => `${rows} rows in ${batches} batches`);
  };
  try {
    // The schema may be there long before the first batch; what goes wrong before is told by next().
    let next = subscription.next();
    await destination.begin(await Promise.race([subscription.schema, next.then(() => subscription.schema)]));
    while (left > 0) {
      const { value: batch, done } = await next;
      if (done) break;
      try {
        await write(batch);
      } finally {
        batch.release();
      }
      signal.throwIfAborted();
      if (left > 0) next = subscription.next();
    }
    next.catch(() => {}); // with --head 0 nobody waits for it
    await destination.end();
  } finally {
    progress.end();
  }
}

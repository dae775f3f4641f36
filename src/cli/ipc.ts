import { type Command, Option } from 'commander';
import {
  CopiedWay,
  openSource,
  type PeerCommand,
  type PeerLanguage,
  type PeerReport,
  peerCommand,
  runTransfer,
  SharedWay,
  type TransferReport,
  type Way,
} from '../profile/index.js';
import { availableBytes, parseByteLength } from '../region/index.js';
import { bytesBelow, count, seconds } from './arguments.js';
import { addListCommand } from './list.js';
import { mebibytes, runCommand } from './output.js';
import { addPublishCommand } from './publish.js';
import { addReadCommand } from './read.js';
import { addStatusCommand } from './status.js';

interface TransferFlags {
  peer: PeerLanguage;
  consumers: number;
  file?: string;
  rows?: number;
  batchRows: number;
  sleep: number;
  output?: string;
  validate: 'structure' | 'full';
  maxBytes?: string;
  inlineBelow?: number;
  python?: string;
  copy?: boolean;
  json?: boolean;
}

/** The flags that both ways of transferring share. */
function transferCommand(ipc: Command, name: string, description: string): Command {
  return ipc
    .command(name)
    .description(description)
    .addOption(
      new Option('--peer <language>', 'what the peers are written in')
        .choices(['python', 'rust', 'node'])
        .default('python'),
    )
    .option('--consumers <n>', 'how many peers read it', count, 1)
    .option('--file <path>', 'an Arrow IPC file or stream (default: flights, where the development install has it)')
    .option('--rows <n>', 'synthetic rows instead, about 40 bytes each', count)
    .option('--batch-rows <n>', 'rows in a batch of synthetic rows', count, 1 << 20)
    .option('--sleep <seconds>', 'how long the peers hold the data, for you to watch the memory', seconds, 0)
    .option('--output <path>', 'the first peer writes what it received as an Arrow IPC stream')
    .addOption(
      new Option('--validate <how>', 'what the peers check').choices(['structure', 'full']).default('structure'),
    )
    .option('--python <command>', 'the Python to use (default: ARROWLAB_PYTHON, VIRTUAL_ENV, python3)')
    .option('--json', 'print one JSON object')
    .addOption(new Option('--copy', 'peers keep a copy of every buffer: a bad example for tests').hideHelp());
}

function peerArguments(flags: TransferFlags): PeerCommand {
  const { command, args } = peerCommand(flags.peer, flags.python);
  return { command, args: [...args, '--validate', flags.validate, ...(flags.copy ? ['--copy'] : [])] };
}

function transfer(flags: TransferFlags, openWay: (peer: PeerCommand) => Way): Promise<void> {
  return runCommand(flags, async (signal) => {
    const source = openSource(flags);
    if (source.note) console.error(`alab: ${source.note}`);
    try {
      const onHeld = (peers: PeerReport[]): void => {
        if (!flags.json && flags.sleep > 0)
          console.error(
            `${peers.length} peers hold ${source.label} for ${flags.sleep} s: pids ${peers.map(({ pid }) => pid).join(', ')}`,
          );
      };
      const report = await runTransfer(openWay(peerArguments(flags)), source, {
        consumers: flags.consumers,
        output: flags.output,
        sleepMs: flags.sleep * 1000,
        signal,
        onHeld,
      });
      return { data: report, text: describe(source.label, report), exitCode: report.checksumsEqual === false ? 1 : 0 };
    } finally {
      source.close();
    }
  });
}

const VERDICTS: Record<string, string> = { true: 'equal', false: 'DIFFERENT', null: 'nothing to compare with' };

/** The report for people. */
function describe(label: string, report: TransferReport): string {
  const { peers, producer } = report;
  return [
    JSON.stringify(peers[0]!.schema),
    `${label}: ${report.rows} rows in ${report.batches} batches, ${mebibytes(report.payloadBytes)}, ${report.way} with ${peers.length} ${peers[0]!.language} peer${peers.length > 1 ? 's' : ''}`,
    `bytes copied   ${report.bytesCopied}`,
    `handoff        ${report.handoffMs.toFixed(3)} ms`,
    `CPU            ${report.cpuMs.toFixed(0)} ms`,
    `checksums      ${VERDICTS[String(report.checksumsEqual)]}`,
    `Pss growth     ${mebibytes(report.pssGrowthBytes)} in all processes`,
    `producer       pid ${producer.pid}: Pss ${mebibytes(producer.pssBeforeBytes)} -> ${mebibytes(producer.pssBytes)}`,
    ...peers.map(
      (peer) =>
        `peer           pid ${peer.pid}: Pss ${mebibytes(peer.pssBeforeBytes)} -> ${mebibytes(peer.pssBytes)}, ${peer.buffersInMap} of ${peer.buffers} buffers in shared memory`,
    ),
  ].join('\n');
}

/** `alab ipc`: streams and transfers between processes. */
export function addIpcCommands(program: Command): void {
  const ipc = program.command('ipc').description('move Arrow data between processes');
  addPublishCommand(ipc);
  addReadCommand(ipc);
  addListCommand(ipc);
  addStatusCommand(ipc);
  transferCommand(
    ipc,
    'transfer-recordbatch',
    'place a table in shared memory, let peers read it in place, and report what was copied after all',
  )
    .option('--max-bytes <size>', 'memory for the data at most, such as 2GiB (default: 80 % of what is available)')
    .option('--inline-below <bytes>', 'messages shorter than this travel on the socket; 0 turns that off', bytesBelow)
    .addHelpText(
      'after',
      '\nExamples:\n  alab ipc transfer-recordbatch --sleep 10\n  alab ipc transfer-recordbatch --peer rust --consumers 4 --rows 5000000 --json\n  alab ipc transfer-recordbatch --file data.arrow --output received.arrows --validate full',
    )
    .action((flags: TransferFlags) =>
      transfer(flags, (peer) => {
        const maxBytes =
          flags.maxBytes === undefined
            ? Math.floor(0.8 * availableBytes())
            : parseByteLength(flags.maxBytes, '--max-bytes');
        return new SharedWay(peer, { maxBytes, inlineBelow: flags.inlineBelow });
      }),
    );
  transferCommand(ipc, 'transfer-recordbatch-as-byte-stream', 'the same job by copying: IPC bytes through a socket')
    .addHelpText('after', '\nExample:\n  alab ipc transfer-recordbatch-as-byte-stream --rows 5000000 --sleep 10')
    .action((flags: TransferFlags) => transfer(flags, (peer) => new CopiedWay(peer)));
}

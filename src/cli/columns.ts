import { type Command, CommanderError, Option } from 'commander';
import type { RowFormat } from '../columns/index.js';
import { availableBytes, parseByteLength } from '../region/index.js';
import { count, countOrNone } from './arguments.js';
import { chunksOf } from './columns/chunks.js';
import { type ConversionReport, convert, describeConversion } from './columns/conversion.js';
import { delimiterOf } from './columns/csv-delimiter.js';
import { CsvInput } from './columns/csv-input.js';
import { DestinationOutput } from './columns/destination-output.js';
import { JsonInput } from './columns/json-input.js';
import { checkOutputPath, otherFormatOf } from './columns/output-path.js';
import type { ProtobufInputOptions } from './columns/protobuf-input.js';
import type { RowInput } from './columns/row-input.js';
import type { RowOutput } from './columns/row-output.js';
import { readSchemaFile } from './columns/schema-file.js';
import { SocketOutput } from './columns/socket-output.js';
import { FileDestination, PipeDestination } from './destination.js';
import { runCommand } from './output.js';
import { Progress } from './progress.js';

interface ConversionFlags {
  input: string;
  output?: string;
  socket?: string;
  name?: string;
  batchRows?: number;
  maxLatencyMs?: number;
  maxBytes?: string;
  malformed: 'error' | 'skip';
  json?: boolean;
}

interface TextFlags extends ConversionFlags {
  schema?: string;
  sample: number;
}

interface JsonFlags extends TextFlags {
  isoStrings?: boolean;
}

interface CsvFlags extends TextFlags {
  columns?: string;
  delimiter: string;
}

interface ProtobufFlags extends ConversionFlags {
  proto?: string;
  descriptorSet?: string;
  include?: string[];
  message: string;
  framing: ProtobufInputOptions['framing'];
  enums: 'int32' | 'dictionary';
  oneofCase?: boolean;
  timestampUnit: 's' | 'ms' | 'us' | 'ns';
  maxDepth?: number;
}

const HELP = `
A file gets its name when it is complete, not before. --socket waits for a reader, for ever if none comes, publishes as fast as it reads, and
ends when it has read all and is gone. Who subscribes first gets all of it; who comes later gets what is left, which may be the end alone.
What was done is said on standard output, or on standard error where that carries the data; --json says it as one JSON object: rows, batches,
bytes, malformed, seconds, rowsPerSecond.`;

/** `alab columns`: rows of other formats to Arrow. */
export function addColumnsCommands(program: Command): void {
  const columns = program.command('columns').description('turn JSON, CSV and protobuf into columns');
  addJsonCommand(columns);
  addCsvCommand(columns);
  addProtobufCommand(columns);
}

function addJsonCommand(columns: Command): void {
  textCommand(columns, 'from-json', 'turn JSON objects, one a line, into columns')
    .option('--iso-strings', 'take texts in ISO 8601 for dates and timestamps, where all samples are')
    .addHelpText(
      'after',
      `${HELP}\n\nExamples:
  alab columns from-json --input events.ndjson --output events.arrows
  zcat events.ndjson.gz | alab columns from-json --sample 10000 --iso-strings --output events.arrow
  tail -f app.log | alab columns from-json --schema app.schema.json --malformed skip --socket /tmp/app.sock`,
    )
    .action((flags: JsonFlags) =>
      run(flags, (chunks) => JsonInput.open(chunks, { ...textOptions(flags), isoStrings: flags.isoStrings ?? false })),
    );
}

function addCsvCommand(columns: Command): void {
  textCommand(columns, 'from-csv', 'turn comma-separated values into columns')
    .option('--columns <names>', 'names of the columns, a,b,c, where the first line does not have them')
    .option('--delimiter <text>', 'what separates cells; tab or \\t for tabulators', delimiterOf, ',')
    .addHelpText(
      'after',
      `${HELP}\n\nExamples:
  alab columns from-csv --input prices.csv --output prices.arrows
  alab columns from-csv --columns id,name --delimiter tab --input names.tsv --output - | alab ipc publish - --socket /tmp/names.sock
  alab columns from-csv --input prices.csv --socket /tmp/prices.sock --name prices`,
    )
    .action((flags: CsvFlags) =>
      run(flags, (chunks) =>
        CsvInput.open(chunks, {
          ...textOptions(flags),
          columns: flags.columns?.split(','),
          delimiter: flags.delimiter,
          warn: (text) => console.error(`alab: ${text}`),
        }),
      ),
    );
}

function addProtobufCommand(columns: Command): void {
  conversionCommand(columns, 'from-protobuf', 'turn protobuf messages, each with its length in front, into columns')
    .option('--proto <file>', 'the .proto file that has the message; what it imports is looked for beside it')
    .option('--include <folder...>', 'folders where imports are looked for too')
    .option(
      '--descriptor-set <file>',
      'a FileDescriptorSet instead, as `protoc --descriptor_set_out --include_imports` writes it',
    )
    .requiredOption('--message <name>', 'the full name of the message, such as pkg.Message')
    .addOption(
      new Option('--framing <how>', "how a message's length stands in front of it")
        .choices(['varint', 'uint32be', 'uint32le', 'grpc'])
        .default('varint'),
    )
    .addOption(new Option('--enums <how>', 'numbers, or names').choices(['int32', 'dictionary']).default('int32'))
    .option('--oneof-case', 'a column more for each oneof, with the name of the member that is set')
    .addOption(new Option('--timestamp-unit <unit>', 'of timestamps').choices(['s', 'ms', 'us', 'ns']).default('ns'))
    .option('--max-depth <n>', 'how many messages of one type may lie within one another', count)
    .addHelpText(
      'after',
      `${HELP}\n\nExamples:
  alab columns from-protobuf --proto flight.proto --message air.Flight --input flights.bin --output flights.arrows
  alab columns from-protobuf --descriptor-set all.pb --message air.Flight --framing grpc --enums dictionary --socket /tmp/air.sock < flights.bin`,
    )
    .action((flags: ProtobufFlags) =>
      run(flags, async (chunks) => {
        // Reading descriptors takes time to load, which no other command needs.
        const { ProtobufInput } = await import('./columns/protobuf-input.js');
        return new ProtobufInput(chunks, protobufOptions(flags));
      }),
    );
}

/** The flags that all three share. */
function conversionCommand(columns: Command, name: string, description: string): Command {
  return columns
    .command(name)
    .description(description)
    .option('--input <path>', 'what to read; - for standard input', '-')
    .option('--output <path>', 'write an Arrow IPC file (.arrow) or stream (any other name; - for standard output)')
    .option('--socket <path>', 'publish it instead: the first who subscribes gets all, who comes later what is left')
    .option('--name <name>', "the stream's name, with --socket (default: rows)")
    .option('--batch-rows <n>', 'rows of a batch at most (default: 65536)', count)
    .option(
      '--max-latency-ms <n>',
      'a batch goes out so long after its first row, with --socket (default: 100)',
      countOrNone,
    )
    .option(
      '--max-bytes <size>',
      'memory for batches, such as 512MiB; one takes at most a thirty-second (default: 2GiB, or half of what is available)',
    )
    .addOption(
      new Option('--malformed <how>', 'what a row that cannot be read is: an error, or skipped and counted')
        .choices(['error', 'skip'])
        .default('error'),
    )
    .option('--json', 'say what was done as one JSON object');
}

/** And those of JSON and CSV. */
function textCommand(columns: Command, name: string, description: string): Command {
  return conversionCommand(columns, name, description)
    .option('--schema <file>', 'the schema: an Arrow IPC file or stream that has it, or JSON (docs/columns-cli.md)')
    .option('--sample <n>', 'rows to infer the schema from, where none is given', count, 1000);
}

const textOptions = ({ schema, sample, malformed }: TextFlags) => ({
  schema: schema === undefined ? undefined : readSchemaFile(schema),
  samples: sample,
  skipsMalformed: malformed === 'skip',
});

function protobufOptions(flags: ProtobufFlags): ProtobufInputOptions {
  const { proto, descriptorSet, message, framing, enums, oneofCase, timestampUnit, maxDepth, malformed } = flags;
  checkOneOf({ '--proto': proto, '--descriptor-set': descriptorSet });
  return {
    source: proto === undefined ? { descriptorSetFile: descriptorSet! } : { protoFile: proto },
    ...{ message, framing, enums, timestampUnit, malformed, oneofCase: oneofCase ?? false },
    ...(maxDepth === undefined ? {} : { maxDepth }),
    ...(flags.include === undefined ? {} : { includePaths: flags.include }),
  };
}

/** Of two options just one is to be given. @throws CommanderError */
function checkOneOf(options: Record<string, string | undefined>): void {
  const given = Object.values(options).filter((value) => value !== undefined).length;
  if (given !== 1)
    throw usage(`expected ${Object.keys(options).join(' or ')}, found ${given === 0 ? 'neither' : 'both'}`);
}

const usage = (message: string) => new CommanderError(2, 'alab.usage', message);

function run<T>(flags: ConversionFlags, openInput: (chunks: AsyncIterable<Buffer>) => Promise<RowInput<T>>) {
  const isPiped = flags.output === '-';
  // Standard output carries the data: all else goes to standard error.
  return runCommand(isPiped ? {} : flags, async (signal) => {
    checkFlags(flags);
    // What is not read to its end, an open pipe above all, would keep the process.
    const reading = new AbortController();
    try {
      const input = await openInput(chunksOf(flags.input, AbortSignal.any([signal, reading.signal])));
      const output = await openOutput(flags, input.format);
      if (flags.socket !== undefined && !flags.json) console.error(`listening on ${flags.socket}`);
      const progress = new Progress(!isPiped || !process.stdout.isTTY);
      const data: ConversionReport = await convert(input, output, progress, signal);
      const text = describeConversion(output.label, data);
      if (!isPiped) return { data, text };
      console.error(flags.json ? JSON.stringify(data) : text);
      return undefined;
    } finally {
      reading.abort();
    }
  });
}

function checkFlags({ output, socket, name, maxLatencyMs }: ConversionFlags): void {
  checkOneOf({ '--output': output, '--socket': socket });
  if (output === undefined) return;
  const [stray] = Object.entries({ '--name': name, '--max-latency-ms': maxLatencyMs }).filter(
    ([, value]) => value !== undefined,
  );
  if (stray) throw usage(`expected ${stray[0]} with --socket alone, found it with --output`);
  const other = otherFormatOf(output);
  if (other !== undefined)
    throw usage(`expected --output as a .arrow file or a .arrows stream, which are what is written, found ${other}`);
  if (output !== '-') checkOutputPath(output);
}

async function openOutput<T>(flags: ConversionFlags, format: RowFormat<T>): Promise<RowOutput<T>> {
  const { output, socket, name = 'rows', batchRows, maxLatencyMs } = flags;
  const maxBytes =
    flags.maxBytes === undefined
      ? Math.min(2 ** 31, Math.floor(availableBytes() / 2))
      : parseByteLength(flags.maxBytes, '--max-bytes');
  if (socket !== undefined) return SocketOutput.open(format, { path: socket, name, batchRows, maxLatencyMs, maxBytes });
  const [label, destination] =
    output === '-' ? ['standard output', new PipeDestination()] : [output!, new FileDestination(output!)];
  try {
    return await DestinationOutput.begin(label, destination, format, { batchRows, maxBytes });
  } catch (error) {
    destination.discard();
    throw error;
  }
}

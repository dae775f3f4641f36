import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Table } from 'apache-arrow';
import type { PublishedStream, Server } from '../bridge/index.js';
import { ArrowlabError } from '../errors.js';
import {
  ColumnChecksums,
  type OutgoingMessage,
  type ParsedSchema,
  readIpc,
  StreamEncoder,
  schemaOf,
} from '../ipc/index.js';
import { syntheticTable } from './synthetic.js';

/** The data of a transfer: a table on the heap, or an Arrow IPC file. */
export interface TransferSource {
  /** For people: what it is. */
  readonly label: string;
  /** For people: why it is this data, where nobody asked for any and the usual is missing. */
  readonly note?: string | undefined;
  /** The stream's messages, the schema's first; each call begins anew. */
  messages(): Iterable<OutgoingMessage>;
  /** Places all of it in a server's region under a name. */
  publish(server: Server, name: string): Promise<PublishedStream>;
  /** Of each column, computed from the source itself; null where only a peer can open the buffers (compressed ones). */
  checksums(): Record<string, string> | null;
  close(): void;
}

function checksumsOf(schema: ParsedSchema, messages: Iterable<OutgoingMessage>): Record<string, string> | null {
  const checksums = new ColumnChecksums(schema);
  for (const message of messages) {
    if (message.contents?.codec) return null;
    checksums.add(message);
  }
  return checksums.result();
}

class TableSource implements TransferSource {
  constructor(
    readonly label: string,
    readonly table: Table,
    readonly note?: string,
  ) {}

  *messages(): Iterable<OutgoingMessage> {
    const encoder = new StreamEncoder(schemaOf(this.table));
    yield encoder.schemaMessage;
    yield* encoder.encode(this.table);
  }

  publish(server: Server, name: string): Promise<PublishedStream> {
    return server.publish(name, this.table);
  }

  checksums(): Record<string, string> | null {
    return checksumsOf(new StreamEncoder(schemaOf(this.table)).schema, this.messages());
  }

  close(): void {}
}

class FileSource implements TransferSource {
  readonly #fd: number;

  constructor(readonly label: string) {
    try {
      this.#fd = openSync(label, 'r');
    } catch (cause) {
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected a readable Arrow IPC file, found ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  messages(): Iterable<OutgoingMessage> {
    return readIpc(this.#fd).messages();
  }

  publish(server: Server, name: string): Promise<PublishedStream> {
    return server.publishIpc(name, this.#fd);
  }

  checksums(): Record<string, string> | null {
    return checksumsOf(readIpc(this.#fd).schema, this.messages());
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Rows of a synthetic table where nothing else is asked for. */
const DEFAULT_ROWS = 1_000_000;

/** The file with real flights that comes with vega-datasets, where that is installed. */
function flightsFile(): string | undefined {
  try {
    const build = dirname(createRequire(import.meta.url).resolve('vega-datasets'));
    const file = join(build, '../data/flights-200k.arrow');
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a transfer moves: the file, or `rows` synthetic rows, or the flights that come with the development install.
 * The caller closes it. Throws INVALID_ARGUMENT.
 */
export function openSource(options: {
  file?: string | undefined;
  rows?: number | undefined;
  batchRows: number;
}): TransferSource {
  if (options.file && options.rows)
    throw new ArrowlabError('INVALID_ARGUMENT', 'expected a file or a number of rows, found both');
  const file = options.file ?? (options.rows === undefined ? flightsFile() : undefined);
  if (file) return new FileSource(file);
  const rows = options.rows ?? DEFAULT_ROWS;
  const note =
    options.rows === undefined
      ? `the data is ${rows} synthetic rows, since vega-datasets with its real ones is not installed; --file or --rows chooses other data`
      : undefined;
  return new TableSource(`${rows} synthetic rows`, syntheticTable(rows, options.batchRows), note);
}

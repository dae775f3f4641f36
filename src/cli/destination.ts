import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { RecordBatch, Schema } from 'apache-arrow';
import { arrayOfData, describeFields } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { endOfStream, FileWriter, heapSink, StreamEncoder, StreamWriter } from '../ipc/index.js';
import { schemaText, tableText } from './rows/table.js';
import { rowText, valueText } from './rows/value.js';

/** Where the rows of a stream go. */
export interface Destination {
  /** The schema is known; comes first, once. */
  begin(schema: Schema): void | Promise<void>;
  /** The first `rows` rows of a batch, which is the caller's again afterwards. */
  write(batch: RecordBatch, rows: number): void | Promise<void>;
  /** All there is has come. */
  end(): void | Promise<void>;
  /** It will not be complete: what was begun is taken back where that can be done. */
  discard(): void;
}

/** Wide enough for most tables where there is no terminal to ask. */
const WIDTH_ELSEWHERE = 120;
/** Rows of JSON that are put together before they are written. */
const ROWS_AT_ONCE = 1_000;

/** Writes to standard output, as fast as its reader takes it. */
async function print(data: string | Uint8Array): Promise<void> {
  if (process.stdout.write(data)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}

const arraysOf = ({ schema, data }: RecordBatch, rows: number) =>
  describeFields(schema.fields).map((field, at) => arrayOfData(field, data.children[at]!, 0, rows));

/** The schema and a table, for people. */
export class TableDestination implements Destination {
  readonly #rows: string[][] = [];
  #schema: Schema | undefined;

  begin(schema: Schema): void {
    this.#schema = schema;
  }

  write(batch: RecordBatch, rows: number): void {
    const columns = arraysOf(batch, rows).map(valueText);
    for (let row = 0; row < rows; row++) this.#rows.push(columns.map((text) => text(row)));
  }

  async end(): Promise<void> {
    const schema = this.#schema!;
    await print(`${schemaText(schema)}\n`);
    if (this.#rows.length > 0)
      await print(`\n${tableText(schema, this.#rows, process.stdout.columns ?? WIDTH_ELSEWHERE)}\n`);
  }

  discard(): void {}
}

/** A JSON object a row. */
export class JsonDestination implements Destination {
  begin(): void {}

  async write(batch: RecordBatch, rows: number): Promise<void> {
    const text = rowText(arraysOf(batch, rows));
    for (let begin = 0; begin < rows; begin += ROWS_AT_ONCE) {
      const end = Math.min(begin + ROWS_AT_ONCE, rows);
      await print(Array.from({ length: end - begin }, (_, at) => `${text(begin + at)}\n`).join(''));
    }
  }

  end(): void {}

  discard(): void {}
}

/** An Arrow IPC stream on standard output. */
export class PipeDestination implements Destination {
  #encoder: StreamEncoder | undefined;

  async begin(schema: Schema): Promise<void> {
    this.#encoder = new StreamEncoder(schema);
    await this.#print([this.#encoder.schemaMessage]);
  }

  async write(batch: RecordBatch, rows: number): Promise<void> {
    await this.#print(this.#encoder!.encode(head(batch, rows)));
  }

  end(): Promise<void> {
    return print(endOfStream());
  }

  discard(): void {}

  async #print(messages: ReturnType<StreamEncoder['encode']>): Promise<void> {
    for (const message of messages) {
      const sink = heapSink(message.byteLength);
      message.placeInto(sink);
      await print(sink.bytes);
    }
  }
}

/** An Arrow IPC file (`.arrow`) or stream. A regular file takes its name when it is complete, and not before. */
export class FileDestination implements Destination {
  readonly #path: string;
  readonly #partial: string;
  #fd: number | undefined;
  #writer: FileWriter | StreamWriter | undefined;

  /** @throws INVALID_ARGUMENT when it cannot be written. */
  constructor(path: string) {
    this.#path = path;
    this.#partial = isReplaceable(path) ? `${path}.${process.pid}.partial` : path;
    try {
      this.#fd = openSync(this.#partial, 'w');
    } catch (cause) {
      const found = (cause as Error).message;
      throw new ArrowlabError('INVALID_ARGUMENT', `expected a file that can be written, found ${found}`, { cause });
    }
  }

  begin(schema: Schema): void {
    this.#writer = new (this.#path.endsWith('.arrow') ? FileWriter : StreamWriter)(this.#fd!, schema);
  }

  write(batch: RecordBatch, rows: number): void {
    this.#writer!.write(head(batch, rows));
  }

  end(): void {
    this.#writer!.end();
    this.#close();
    if (this.#partial !== this.#path) renameSync(this.#partial, this.#path);
  }

  discard(): void {
    this.#close();
    if (this.#partial !== this.#path) rmSync(this.#partial, { force: true });
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** A pipe or a device is written as it is. */
function isReplaceable(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}

/** The first rows of a batch, with all of its schema's fields. */
function head({ schema, data, metadata }: RecordBatch, rows: number) {
  return { schema, metadata, data: rows === data.length ? data : data.slice(0, rows) };
}

import {
  type ArrayNode,
  type BatchPlan,
  checkedBatchRows,
  RowBatcher,
  type RowFormat,
  type Target,
  toArrowSchema,
  toRecordBatch,
} from '../../columns/index.js';
import type { Destination } from '../destination.js';
import type { BatchOptions, RowOutput } from './row-output.js';

/** Rows to a file, or to standard output. One batch's memory serves for all. */
export class DestinationOutput<T> implements RowOutput<T> {
  batches = 0;
  rows = 0;
  bytes = 0;

  readonly #destination: Destination;
  readonly #schema;
  readonly #batcher: RowBatcher<T, Target>;
  #memory = new ArrayBuffer(0);
  #writing: Promise<void> | undefined;

  private constructor(
    readonly label: string,
    destination: Destination,
    format: RowFormat<T>,
    { batchRows, maxBytes }: BatchOptions,
  ) {
    this.#destination = destination;
    this.#schema = toArrowSchema(format.parsedSchema);
    this.#batcher = new RowBatcher(format, {
      batchRows: checkedBatchRows(batchRows),
      maxBytes: maxBytes / 32,
      maxRowBytes: Number.POSITIVE_INFINITY,
      open: (plan) => this.#open(plan),
      filled: (batch, arrays, rows) => this.#filled(batch, arrays, rows),
      discard: () => {},
    });
  }

  /** Owns the destination from now on, and writes the schema to it. */
  static async begin<T>(
    label: string,
    destination: Destination,
    format: RowFormat<T>,
    options: BatchOptions,
  ): Promise<DestinationOutput<T>> {
    const output = new DestinationOutput(label, destination, format, options);
    await destination.begin(output.#schema);
    return output;
  }

  append(row: T): Promise<void> | undefined {
    this.#batcher.append(row);
    if (!this.#writing) return undefined;
    const writing = this.#writing;
    this.#writing = undefined;
    return writing;
  }

  async end(): Promise<void> {
    this.#batcher.handOver();
    await this.#writing;
    await this.#destination.end();
  }

  async fail(): Promise<void> {
    this.#destination.discard();
  }

  /** A second batch of one row's is under way together with the first. */
  #open(plan: BatchPlan): Target {
    if (this.#writing || this.#memory.byteLength < plan.byteLength) this.#memory = new ArrayBuffer(plan.byteLength);
    const buffer = this.#memory;
    return { columns: plan.columns((byteOffset) => ({ buffer, byteOffset })) };
  }

  #filled({ columns }: Target, arrays: ArrayNode[], rows: number): void {
    this.batches++;
    this.rows += rows;
    this.bytes += columns.reduce((sum, { filledByteLength }) => sum + filledByteLength, 0);
    const batch = toRecordBatch(this.#schema, arrays, rows);
    const write = async () => this.#destination.write(batch, rows);
    this.#writing = this.#writing ? this.#writing.then(write) : write();
  }
}

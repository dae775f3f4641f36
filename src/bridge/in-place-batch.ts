import {
  BatchPlan,
  type Column,
  checkPaths,
  declaredRoom,
  describeFields,
  differenceOf,
  fill,
  isVector,
  type NullCounts,
  type ParsedField,
  type Sizes,
  type VectorLike,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { type ArrayNode, checkColumns, type StreamEncoder, writeSchemaMessage } from '../ipc/index.js';
import type { BatchToken } from './batch-token.js';
import type { Broadcast } from './broadcast.js';
import { Draft } from './draft.js';
import { columnOf } from './shared-batch.js';

export interface AllocateOptions {
  /** Rows that the batch has room for. */
  rows: number;
  /** Bytes for the data of each column of strings or bytes, or by the column's path (`where.name`, of a list's items `tags.item`). Default: 16 a row. */
  dataBytes?: Sizes | undefined;
  /** Rows for the child of each list or map, or by the list's path. Default: 4 a row. */
  childRows?: Sizes | undefined;
  /** Gives up waiting for memory. */
  signal?: AbortSignal | undefined;
}

export interface CommitOptions {
  /** Rows that were filled. Default: all there is room for. */
  rows?: number | undefined;
  /** Nulls by the column's path, where they are known; others are counted in the bitmaps, which takes time. */
  nullCounts?: NullCounts | undefined;
  /** What the indices of dictionary-encoded columns refer to, by the column's path. */
  dictionaries?: Readonly<Record<string, VectorLike>> | undefined;
  /** 'full' (the default) checks what could mislead a reader: offsets, indices, UTF-8, unions, null counts; numbers cost nothing. 'structure' checks the ends of offsets alone. */
  validate?: 'full' | 'structure' | undefined;
  /** Gives up waiting for a subscriber or for room; the batch is given up with it. */
  signal?: AbortSignal | undefined;
}

/** Sends what has to come before a batch of these columns: schema and dictionaries; waits for the first subscriber where there has to be one. */
export type Lead = (columns: readonly ArrayNode[], signal?: AbortSignal) => Promise<void>;

/** What a batch has room for, as it was declared: the caller's objects may change meanwhile. */
type Declared = Pick<BatchToken, 'rows' | 'dataBytes' | 'childRows'>;

/**
 * A batch whose columns are filled where they will be read; `commit` hands it over without a copy. Owned by whoever allocated it: what is
 * neither committed nor aborted goes back to the region when the garbage collector finds it.
 */
export class InPlaceBatch {
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #draft: Draft;
  readonly #declared: Declared;
  readonly #lead: Lead;
  #isOver = false;

  private constructor(broadcast: Broadcast, encoder: StreamEncoder, draft: Draft, declared: Declared, lead: Lead) {
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#draft = draft;
    this.#declared = declared;
    this.#lead = lead;
  }

  /** Made by `PublishedStream.allocate`; `lead` sends what has to come before a batch. */
  static async allocate(
    broadcast: Broadcast,
    encoder: StreamEncoder,
    options: AllocateOptions,
    lead: Lead,
  ): Promise<InPlaceBatch> {
    const { rows, signal, ...sizes }: AllocateOptions = options ?? { rows: undefined }; // forgotten where nobody checks types
    if (!Number.isSafeInteger(rows) || rows < 0)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected rows as a whole number of 0 or more, found ${rows}: allocate({ rows: 1000 })`,
      );
    const [dataBytes, childRows] = [copyOf(sizes.dataBytes), copyOf(sizes.childRows)];
    const plan = new BatchPlan(encoder.schema.fields, rows, declaredRoom(encoder.schema.fields, dataBytes, childRows));
    const writer = { holder: `batch in place of ${broadcast.holder}`, sinceMs: performance.now() };
    const extent = await broadcast.allocate(Draft.byteLengthOf(plan, encoder), writer, signal);
    const draft = new Draft(broadcast, encoder, plan, extent, writer);
    return new InPlaceBatch(broadcast, encoder, draft, { rows, dataBytes, childRows }, lead);
  }

  /** The columns, in the schema's order. Their typed arrays are the region's memory, and empty after `commit` and `abort`. */
  get columns(): readonly Column[] {
    this.#checkOpen();
    return this.#draft.columns;
  }

  /** The column of this name; the first one where several have it. Throws INVALID_ARGUMENT. */
  column(name: string): Column {
    return columnOf(this.columns, name);
  }

  /** What a worker thread opens the batch by, with `openBatch(token)`: plain data for `postMessage`. Until `commit` or `abort`. */
  token(): BatchToken {
    this.#checkOpen();
    return {
      ...{ pid: process.pid, id: this.#draft.share() },
      ...this.#declared,
      schema: writeSchemaMessage(this.#encoder.schema),
      byteLength: this.#draft.byteLength,
      headerByteLength: this.#encoder.headerInPlaceByteLength,
    };
  }

  /**
   * Hands the batch over as it lies there: writes its header, ends every window on it, sends its descriptor. Resolves when that is sent; waits
   * for worker threads that have it open, for the first subscriber (retain 'none'), for slow ones ('block') and for memory for dictionaries.
   * What still reads into its columns (`fs.read`) has to have ended before: it would write to memory that is handed over.
   * Throws INVALID_ARGUMENT naming a column with too little room or its dictionary, DATA_INVALID naming column and row, TIMEOUT where a worker
   * thread does not let go: the batch is as it was, and can be mended and committed again. Throws ABORTED, CLOSED, and MEMORY_LIMIT or TIMEOUT
   * where a dictionary finds no memory: the batch is given up.
   */
  async commit(options: CommitOptions = {}): Promise<void> {
    const { rows = this.#declared.rows, nullCounts = {}, dictionaries = {}, validate = 'full', signal } = options;
    this.#checkOpen();
    if (!Number.isSafeInteger(rows) || rows < 0 || rows > this.#declared.rows)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected rows from 0 to ${this.#declared.rows}, as allocated, found ${rows}`,
      );
    if (this.#draft.isShared) {
      await this.#draft.unshare();
      this.#checkOpen(); // it may have been given up meanwhile
    }
    const { fields } = this.#encoder.schema;
    checkPaths('nullCounts', nullCounts, fields, () => true);
    checkPaths('dictionaries', dictionaries, fields, (_, { dictionary }) => dictionary !== null);
    const { columns } = this.#draft;
    for (const column of columns) fill(column, rows, nullCounts);
    const arrays = columns.map((column) => column.uncleared(({ field }) => dictionaryIn(dictionaries, field)));
    if (validate === 'full') checkColumns(arrays);
    this.#isOver = true;
    for (const column of columns) column.clearPastEnd();
    this.#draft.finish(arrays, rows);
    try {
      await this.#broadcast.inTurn(async () => {
        await this.#lead(arrays, signal);
        await this.#draft.send(signal);
      }, signal);
    } catch (error) {
      this.#draft.discard();
      throw error;
    }
  }

  /**
   * Gives the memory back; the batch is never sent. What still reads into its columns (`fs.read`) has to have ended before: it would write
   * to memory that is others' by then. Calling it again, or after `commit`, does nothing.
   */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#draft.discard();
  }

  [Symbol.dispose](): void {
    this.abort();
  }

  #checkOpen(): void {
    if (this.#isOver)
      throw new ArrowlabError(
        'RELEASED',
        'expected a batch that is still being filled, found it committed or given up: allocate another',
      );
  }
}

const copyOf = (sizes: Sizes | undefined): Sizes | undefined =>
  typeof sizes === 'object' && sizes !== null ? { ...sizes } : sizes;

/** Checked here, since who finds out later has handed the batch over already. */
function dictionaryIn(dictionaries: Readonly<Record<string, VectorLike>>, { path, values }: ParsedField): VectorLike {
  const given: unknown = Object.hasOwn(dictionaries, path) ? dictionaries[path] : undefined;
  const name = JSON.stringify(path);
  const misfit = (expected: string) =>
    new ArrowlabError('INVALID_ARGUMENT', `column ${name}: ${expected}: commit({ dictionaries: { ${name}: vector } })`);
  if (!isVector(given) || given.data.length === 0)
    throw misfit(`expected the dictionary that its indices refer to, as a vector, found ${kindOf(given)}`);
  const rows = given.data.reduce((sum, { length }) => sum + length, 0);
  if (given.length !== rows)
    throw misfit(`expected its dictionary's length to be ${rows}, as its data's, found ${given.length}`);
  for (const type of new Set(given.data.map((part) => part.type))) {
    const found = describeFields([{ name: values!.name, nullable: true, type }]);
    const difference = differenceOf([values!], found, 'its dictionary');
    if (difference) throw misfit(difference);
  }
  return given;
}

function kindOf(given: unknown): string {
  if (given === undefined || given === null) return given === null ? 'null' : 'none';
  return typeof given === 'object' ? `an object of class ${given.constructor?.name}` : typeof given;
}

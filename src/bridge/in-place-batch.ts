import {
  BatchPlan,
  type Column,
  checkPaths,
  declaredRoom,
  fill,
  type NullCounts,
  pathsOf,
  type Sizes,
  type VectorLike,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { checkColumns, type StreamEncoder, writeSchemaMessage } from '../ipc/index.js';
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

/**
 * A batch whose columns are filled where they will be read; `commit` hands it over without a copy. Owned by whoever allocated it: what is
 * neither committed nor aborted goes back to the region when the garbage collector finds it.
 */
export class InPlaceBatch {
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #draft: Draft;
  readonly #options: AllocateOptions;
  readonly #begin: (signal?: AbortSignal) => Promise<void>;
  #isOver = false;

  private constructor(
    broadcast: Broadcast,
    encoder: StreamEncoder,
    draft: Draft,
    options: AllocateOptions,
    begin: (signal?: AbortSignal) => Promise<void>,
  ) {
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#draft = draft;
    this.#options = options;
    this.#begin = begin;
  }

  /** Made by `PublishedStream.allocate`; `begin` does what has to be done before the first batch of a stream. */
  static async allocate(
    broadcast: Broadcast,
    encoder: StreamEncoder,
    options: AllocateOptions,
    begin: (signal?: AbortSignal) => Promise<void>,
  ): Promise<InPlaceBatch> {
    const { rows, dataBytes, childRows, signal } = options;
    if (!Number.isSafeInteger(rows) || rows < 0)
      throw new ArrowlabError('INVALID_ARGUMENT', `expected rows as a whole number of 0 or more, found ${rows}`);
    const plan = new BatchPlan(encoder.schema.fields, rows, declaredRoom(encoder.schema.fields, dataBytes, childRows));
    const writer = { holder: `batch in place of ${broadcast.holder}`, sinceMs: performance.now() };
    const extent = await broadcast.allocate(Draft.byteLengthOf(plan, encoder), writer, signal);
    return new InPlaceBatch(broadcast, encoder, new Draft(broadcast, encoder, plan, extent, writer), options, begin);
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
    const { dataBytes, childRows } = this.#options;
    return {
      ...{ id: this.#draft.share(), rows: this.#options.rows, dataBytes, childRows },
      schema: writeSchemaMessage(this.#encoder.schema),
      byteLength: this.#draft.byteLength,
      headerByteLength: this.#encoder.headerInPlaceByteLength,
    };
  }

  /**
   * Hands the batch over as it lies there: writes its header, ends every window on it, sends its descriptor. Resolves when that is sent; waits
   * for worker threads that have it open, for the first subscriber (retain 'none') and for slow ones ('block'). Throws INVALID_ARGUMENT naming a column with too little room, DATA_INVALID naming column and row, upon which the
   * batch can be mended and committed again; TIMEOUT where a worker thread does not let go; ABORTED and CLOSED, upon which it is given up.
   */
  async commit(options: CommitOptions = {}): Promise<void> {
    const { rows = this.#options.rows, nullCounts = {}, dictionaries = {}, validate = 'full', signal } = options;
    this.#checkOpen();
    if (!Number.isSafeInteger(rows) || rows < 0 || rows > this.#options.rows)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected rows from 0 to ${this.#options.rows}, as allocated, found ${rows}`,
      );
    if (this.#draft.isShared) {
      await this.#draft.unshare();
      this.#checkOpen(); // it may have been given up meanwhile
    }
    const { fields } = this.#encoder.schema;
    checkPaths(
      'nullCounts',
      nullCounts,
      pathsOf(fields, () => true),
    );
    checkPaths(
      'dictionaries',
      dictionaries,
      pathsOf(fields, (_, { dictionary }) => dictionary !== null),
    );
    for (const column of this.#draft.columns) fill(column, rows, nullCounts);
    const arrays = this.#draft.columns.map((column) =>
      column.toArray(({ field }) => dictionaryIn(dictionaries, field.path)),
    );
    if (validate === 'full') checkColumns(arrays);
    this.#isOver = true;
    this.#draft.finish(arrays, rows);
    try {
      await this.#broadcast.inTurn(async () => {
        await this.#begin(signal);
        for (const message of this.#encoder.encodeDictionaries(arrays)) await this.#broadcast.emit(message, signal);
        await this.#draft.send(signal);
      });
    } catch (error) {
      this.#draft.discard();
      throw error;
    }
  }

  /** Gives the memory back; the batch is never sent. Calling it again, or after `commit`, does nothing. */
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

function dictionaryIn(dictionaries: Readonly<Record<string, VectorLike>>, path: string): VectorLike {
  if (Object.hasOwn(dictionaries, path)) return dictionaries[path]!;
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `column ${JSON.stringify(path)}: expected the dictionary that its indices refer to, found none: commit({ dictionaries: { ${JSON.stringify(path)}: vector } })`,
  );
}

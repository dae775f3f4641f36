import { BroadcastChannel } from 'node:worker_threads';
import { BatchPlan, type Column, declaredRoom } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { readIpc } from '../ipc/index.js';
import { callNative } from '../native.js';
import { type BatchToken, channelOf } from './batch-token.js';
import { WritingWindows } from './writing-windows.js';

/**
 * A batch in place that another thread of this process allocated, to fill its columns from here. Ends by `close`, and by itself when the
 * batch is committed or given up over there, which waits for it: this thread's event loop has to turn for that. What still reads into its
 * columns (`fs.read`) has to have ended by then: it would write to memory that is not the batch's any more.
 */
export class SharedBatch {
  readonly #columns: readonly Column[];
  readonly #windows: WritingWindows;
  readonly #channel: BroadcastChannel;
  #isOpen = true;

  /** Throws RELEASED for a token whose batch is committed, given up, or of another process. */
  constructor({ pid, id, schema, rows, dataBytes, childRows, byteLength, headerByteLength }: BatchToken) {
    if (pid !== process.pid)
      throw new ArrowlabError(
        'RELEASED',
        `expected the token of a batch of this process, ${process.pid}, found one of ${pid}: open it in a worker thread of that process`,
      );
    const { fields } = readIpc(schema).schema;
    const plan = new BatchPlan(fields, rows, declaredRoom(fields, dataBytes, childRows));
    const open = (offset: number, length: number) => callNative((addon) => addon.openShared(id, offset, length));
    this.#windows = new WritingWindows(byteLength, open, () => {});
    // Before the windows: who can still open them has not missed the word that they are to end.
    this.#channel = new BroadcastChannel(channelOf(id));
    this.#channel.onmessage = () => this.close();
    this.#channel.unref();
    try {
      this.#columns = plan.columnsAsTheyAre(this.#windows.memoryFrom(headerByteLength));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The columns, in the schema's order. What other threads have written is there; who writes what is for them to agree on. */
  get columns(): readonly Column[] {
    if (this.#isOpen) return this.#columns;
    throw new ArrowlabError(
      'RELEASED',
      'expected a batch that is open in this thread, found it closed: open it before it is committed',
    );
  }

  /** The column of this name; the first one where several have it. Throws INVALID_ARGUMENT. */
  column(name: string): Column {
    return columnOf(this.columns, name);
  }

  /** Ends every window on the batch in this thread; what still reads into its columns has to have ended before. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#windows.detach();
    this.#channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a batch that another thread of this process allocated, by the token it gave. Throws RELEASED. */
export function openBatch(token: BatchToken): SharedBatch {
  return new SharedBatch(token);
}

export function columnOf(columns: readonly Column[], name: string): Column {
  const column = columns.find(({ field }) => field.name === name);
  if (column) return column;
  const names = columns.map(({ field }) => JSON.stringify(field.name)).join(', ');
  throw new ArrowlabError('INVALID_ARGUMENT', `expected one of the columns ${names}, found ${JSON.stringify(name)}`);
}

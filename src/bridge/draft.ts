import type { ArrayNode, BatchPlan, Column } from '../columns/index.js';
import type { StreamEncoder } from '../ipc/index.js';
import type { Extent, Holder } from '../region/index.js';
import type { Broadcast } from './broadcast.js';
import { Tenure } from './tenure.js';
import { WorkerAccess } from './worker-access.js';
import type { WritingWindows } from './writing-windows.js';

const WORKERS_TIMEOUT_MS = 30_000;

/** A batch that is built where it will be read: columns over an extent, with room for the header in front. */
export class Draft {
  readonly columns: readonly Column[];
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #tenure: Tenure;
  readonly #windows: WritingWindows;
  #rows = 0;
  #messageByteLength = 0;

  /** Takes over `extent`, which `writer` holds, of `byteLengthOf(plan)`. */
  constructor(broadcast: Broadcast, encoder: StreamEncoder, plan: BatchPlan, extent: Extent, writer: Holder) {
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#tenure = new Tenure(extent, writer);
    this.#windows = this.#tenure.openWindows();
    this.columns = plan.columns(this.#windows.memoryFrom(encoder.headerInPlaceByteLength));
  }

  /** Bytes of the region that a draft of this plan takes. */
  static byteLengthOf(plan: BatchPlan, encoder: StreamEncoder): number {
    return encoder.headerInPlaceByteLength + plan.byteLength;
  }

  /** Bytes of the region that it takes. */
  get byteLength(): number {
    return this.#tenure.extent.byteLength;
  }

  /** Whether other threads of this process may fill it too. */
  get isShared(): boolean {
    return this.#tenure.access !== undefined;
  }

  /** Lets other threads of this process fill it too, by the number that it returns. */
  share(): number {
    this.#tenure.access ??= new WorkerAccess(this.#tenure.extent);
    return this.#tenure.access.id;
  }

  /** From now on only this thread can fill it; waits for the others. Throws TIMEOUT. */
  async unshare(): Promise<void> {
    await this.#tenure.access?.endWithin(WORKERS_TIMEOUT_MS);
    this.#tenure.access = undefined;
  }

  /** Ends the writing: the batch is what its columns hold now. Its header is written in front of them. */
  finish(arrays: readonly ArrayNode[], rows: number): void {
    const { bytes, messageByteLength } = this.#encoder.headerInPlace(arrays, rows);
    this.#rows = rows;
    this.#messageByteLength = messageByteLength;
    this.#windows.detach();
    this.#tenure.extent.write(0, bytes);
  }

  /** Sends the finished batch, whose dictionaries were sent before; its memory is not the caller's any more, also where that fails. Throws ABORTED, CLOSED. */
  send(signal?: AbortSignal): Promise<void> {
    const { extent, writer } = this.#tenure;
    return this.#broadcast.emitInPlace(extent, this.#messageByteLength, this.#rows, writer, signal);
  }

  /** Gives the memory back, once other threads have let go. After `send` it does nothing. */
  discard(): void {
    this.#windows.detach();
    this.#tenure.end();
  }
}

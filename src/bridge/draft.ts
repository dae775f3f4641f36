import type { ArrayNode, BatchPlan, Column } from '../columns/index.js';
import type { StreamEncoder } from '../ipc/index.js';
import type { Extent, Holder } from '../region/index.js';
import type { Broadcast } from './broadcast.js';
import { WritingWindows } from './writing-windows.js';

/** A batch that is built where it will be read: columns over an extent, with room for the header in front. */
export class Draft {
  readonly columns: readonly Column[];
  readonly #broadcast: Broadcast;
  readonly #encoder: StreamEncoder;
  readonly #extent: Extent;
  readonly #writer: Holder;
  readonly #windows: WritingWindows;
  #rows = 0;
  #messageByteLength = 0;

  /** Takes over `extent`, which `writer` holds, of `byteLengthOf(plan)`. */
  constructor(broadcast: Broadcast, encoder: StreamEncoder, plan: BatchPlan, extent: Extent, writer: Holder) {
    this.#broadcast = broadcast;
    this.#encoder = encoder;
    this.#extent = extent;
    this.#writer = writer;
    this.#windows = new WritingWindows(extent, () => extent.drop(writer));
    this.columns = plan.columns(this.#windows.memoryFrom(encoder.headerInPlaceByteLength));
  }

  /** Bytes of the region that a draft of this plan takes. */
  static byteLengthOf(plan: BatchPlan, encoder: StreamEncoder): number {
    return encoder.headerInPlaceByteLength + plan.byteLength;
  }

  /** Bytes of the region that it takes. */
  get byteLength(): number {
    return this.#extent.byteLength;
  }

  /** Ends the writing: the batch is what its columns hold now. Its header is written in front of them. */
  finish(arrays: readonly ArrayNode[], rows: number): void {
    const { bytes, messageByteLength } = this.#encoder.headerInPlace(arrays, rows);
    this.#rows = rows;
    this.#messageByteLength = messageByteLength;
    this.#windows.detach();
    this.#extent.write(0, bytes);
  }

  /** Sends the finished batch, whose dictionaries were sent before; its memory is not the caller's any more, also where that fails. Throws ABORTED, CLOSED. */
  send(signal?: AbortSignal): Promise<void> {
    return this.#broadcast.emitInPlace(this.#extent, this.#messageByteLength, this.#rows, this.#writer, signal);
  }

  /** Gives the memory back. */
  discard(): void {
    this.#windows.detach();
    this.#extent.drop(this.#writer);
  }
}

import { ArrowlabError } from '../errors.js';
import { callNative } from '../native.js';
import type { Share } from './budget.js';
import type { Region } from './region.js';

/** Somebody who needs an extent's bytes to stay: its writer, the stream that retains it, a peer's lease. */
export interface Holder {
  /** For people: who holds, such as `peer python (pid 12), stream "prices"`. */
  readonly holder: string;
  /** Since when, in milliseconds of `performance.now()`. */
  readonly sinceMs: number;
}

/**
 * A byte range of one's own region. Lives until its last holder lets go; then its pages go back to the region, warm.
 * Offsets given to it are relative to it.
 */
export class Extent {
  readonly #holders = new Set<Holder>();

  /** Made by `Region.allocate` only. `capacity` is `byteLength` in whole pages. */
  constructor(
    readonly region: Region,
    readonly offset: number,
    readonly byteLength: number,
    readonly capacity: number,
    readonly share: Share,
    writer: Holder,
  ) {
    this.#holders.add(writer);
  }

  get holders(): ReadonlySet<Holder> {
    return this.#holders;
  }

  /** Copies `bytes` to `offset`. */
  write(offset: number, bytes: ArrayBufferView): void {
    this.#check(offset, bytes.byteLength);
    callNative(() => this.region.native.write(this.offset + offset, bytes));
  }

  /** An ArrayBuffer over the bytes from `offset` on, no copy. Whoever asks for it detaches it before the extent is handed over or given back. */
  window(offset: number, byteLength: number): ArrayBuffer {
    this.#check(offset, byteLength);
    return callNative(() => this.region.native.window(this.offset + offset, byteLength));
  }

  /** Reads exactly `byteLength` bytes of the file `fd`, from `position` on, straight to `offset`. Throws SYSTEM, or IPC_INVALID when the file is too short. */
  readFrom(fd: number, position: number, offset: number, byteLength: number): void {
    this.#check(offset, byteLength);
    const count = callNative(() => this.region.native.readFrom(fd, position, this.offset + offset, byteLength));
    if (count < byteLength)
      throw new ArrowlabError(
        'IPC_INVALID',
        `expected ${byteLength} bytes from byte ${position} on, found the file's end after ${count}: it was cut off meanwhile`,
      );
  }

  hold(holder: Holder): void {
    this.#holders.add(holder);
  }

  /** Ends what `hold` began; the last one gives the pages back. */
  drop(holder: Holder): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0) this.region.take(this);
  }

  #check(offset: number, byteLength: number): void {
    if (offset < 0 || offset + byteLength > this.byteLength)
      throw new RangeError(`expected bytes inside the extent of ${this.byteLength}, found ${offset} + ${byteLength}`);
  }
}

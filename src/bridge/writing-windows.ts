import type { Memory } from '../columns/index.js';
import { lendFor, QUIET_BYTES } from './pressure.js';
import { reclaimWhereDue } from './reclaim.js';
import { Window } from './window.js';

/** Opens an ArrayBuffer over a part of the memory. */
type Open = (offset: number, byteLength: number) => ArrayBuffer;

/** The ArrayBuffers through which a batch of one's own region is filled. They end by `detach`, or when nobody can write through them any more. */
export class WritingWindows {
  readonly #byteLength: number;
  readonly #openWindow: Open;
  readonly #forgotten: () => void;
  #windows: Window[] = [];
  #live = 0;

  /** `forgotten` is called when all windows were collected before `detach`. */
  constructor(byteLength: number, open: Open, forgotten: () => void) {
    this.#byteLength = byteLength;
    this.#openWindow = open;
    this.#forgotten = forgotten;
  }

  /** The memory from `start` on: one ArrayBuffer for all of it where it is short, else one for each range. */
  memoryFrom(start: number): Memory {
    reclaimWhereDue();
    const whole = this.#byteLength - start;
    if (whole > QUIET_BYTES)
      return (bodyOffset, byteLength) => ({ buffer: this.#open(start + bodyOffset, byteLength), byteOffset: 0 });
    const buffer = this.#open(start, whole);
    return (byteOffset) => ({ buffer, byteOffset });
  }

  /** From now on nobody can write through them. */
  detach(): void {
    const windows = this.#windows;
    this.#windows = [];
    for (const window of windows) window.detach();
  }

  #open(offset: number, byteLength: number): ArrayBuffer {
    const buffer = this.#openWindow(offset, byteLength);
    lendFor(byteLength);
    const window = new Window(buffer, () => {
      if (--this.#live === 0 && this.#windows.length > 0) this.#forgotten();
    });
    this.#windows.push(window);
    this.#live++;
    window.unpin();
    return buffer;
  }
}

import { native } from '../native.js';
import { windowCollected, windowDetached, windowOpened } from './pressure.js';

/** The open windows of this thread, by their numbers. */
const open: (Window | undefined)[] = [];
let unpinned = 0;

/** How many windows nothing but a reader may keep. */
export const unpinnedCount = (): number => unpinned;

/** An ArrayBuffer over a part of a region. It is referred to and not kept, except while it is pinned, as it is at first. */
export class Window {
  readonly byteLength: number;
  readonly #number: number;
  /** Whether V8's account of it is offset. */
  readonly #isOffset: boolean;
  readonly #onCollected: () => void;
  #pinned: ArrayBuffer | undefined;
  #isOpen = true;

  /** `onCollected` is called when the garbage collector was found to have taken the ArrayBuffer, unless it was detached before. */
  constructor(buffer: ArrayBuffer, onCollected: () => void) {
    const { byteLength } = buffer;
    this.byteLength = byteLength;
    this.#number = native().refer(buffer);
    this.#isOffset = windowOpened(byteLength);
    this.#onCollected = onCollected;
    this.#pinned = buffer;
    open[this.#number] = this;
  }

  /** Undefined once it was detached or collected. */
  get buffer(): ArrayBuffer | undefined {
    return this.#pinned ?? (this.#isOpen ? native().referred(this.#number) : undefined);
  }

  /** Keeps it from being collected, if it was not. */
  pin(): void {
    if (this.#pinned) return;
    this.#pinned = this.buffer;
    if (this.#pinned) unpinned--;
  }

  unpin(): void {
    if (!this.#pinned) return;
    this.#pinned = undefined;
    unpinned++;
  }

  /** Ends it: every view of the ArrayBuffer is empty from now on. */
  detach(): void {
    if (!this.#isOpen) return;
    const account = this.buffer ? windowDetached : windowCollected;
    this.#close();
    account(this.byteLength, this.#isOffset);
    native().detachReferred(this.#number);
  }

  /** Finds the windows that were collected, and tells who opened them. */
  static takeCollected(): void {
    const collected = native()
      .takeCollected()
      .map((number) => open[number]!);
    // Their numbers are free now: none may be used again by what is told.
    for (const window of collected) {
      window.#close();
      windowCollected(window.byteLength, window.#isOffset);
    }
    for (const window of collected) window.#onCollected();
  }

  #close(): void {
    this.#isOpen = false;
    open[this.#number] = undefined;
    if (this.#pinned) this.#pinned = undefined;
    else unpinned--;
  }
}

import { constants } from 'node:buffer';
import { ArrowlabError } from '../errors.js';
import type { IncomingMessage } from '../ipc/index.js';
import { callNative, type Mapping, native } from '../native.js';
import { QUIET_BYTES } from './pressure.js';
import { reclaimWhereDue } from './reclaim.js';
import { Window } from './window.js';

/** A message a peer sent, as the decoder reads it. It ends when nobody keeps it and no batch uses it any more. */
export interface HeldMessage extends IncomingMessage {
  /** For a queue or a stream's dictionaries, which always let go. */
  keep(): void;
  letGo(): void;
  /** For a batch, which may be forgotten. */
  use(): void;
  leave(): void;
}

/** A message that lies in the peer's region, under a lease. */
export class LeasedMessage implements HeldMessage {
  readonly #windows: Window[] = [];
  #liveWindows = 0;
  #keepers = 0;
  #users = 0;
  #isReleased = false;

  /** `release` is called once, when the bytes are needed no more. */
  constructor(
    readonly mapping: Mapping,
    readonly stream: number,
    readonly offset: number,
    readonly byteLength: number,
    readonly release: () => void,
  ) {}

  /** Whether only batches hold it, which were given out. */
  get isWithReader(): boolean {
    return !this.#isReleased && this.#keepers === 0;
  }

  bytes(offset: number, byteLength: number): Uint8Array {
    if (this.#isReleased)
      throw new ArrowlabError('RELEASED', 'expected a message that is still leased, found a released one');
    if (this.byteLength <= QUIET_BYTES) {
      const whole = this.#windows.at(-1)?.buffer ?? this.#open(0, this.byteLength);
      return new Uint8Array(whole, offset, byteLength);
    }
    if (byteLength > constants.MAX_LENGTH)
      throw new ArrowlabError(
        'IPC_UNSUPPORTED',
        `expected buffers of at most ${constants.MAX_LENGTH} bytes on Node ${process.versions.node}, found one of ${byteLength}: use Node 22 or smaller batches`,
      );
    return new Uint8Array(this.#open(offset, byteLength));
  }

  keep(): void {
    this.#keepers++;
    for (const window of this.#windows) window.pin();
  }

  letGo(): void {
    if (--this.#keepers > 0) return;
    for (const window of this.#windows) window.unpin();
    if (this.#users === 0 || this.#liveWindows === 0) this.#end();
  }

  use(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users === 0 && this.#keepers === 0) this.#end();
  }

  #open(offset: number, byteLength: number): ArrayBuffer {
    reclaimWhereDue();
    const buffer = callNative(() => this.mapping.window(this.offset + offset, byteLength));
    const window = new Window(buffer, () => this.#windowCollected());
    if (this.#keepers === 0) window.unpin();
    this.#windows.push(window);
    this.#liveWindows++;
    return buffer;
  }

  #windowCollected(): void {
    if (--this.#liveWindows === 0 && this.#keepers === 0) this.#end();
  }

  #end(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const window of this.#windows) window.detach();
    this.release();
  }
}

/** A message that came inline: on the heap, 64-byte aligned, with no lease. */
export class InlineMessage implements HeldMessage {
  readonly byteLength: number;
  readonly #buffer: ArrayBuffer;
  #keepers = 0;

  constructor(bytes: Uint8Array) {
    this.byteLength = bytes.byteLength;
    this.#buffer = new ArrayBuffer(bytes.byteLength);
    new Uint8Array(this.#buffer).set(bytes);
  }

  bytes(offset: number, byteLength: number): Uint8Array {
    return new Uint8Array(this.#buffer, offset, byteLength);
  }

  keep(): void {
    this.#keepers++;
  }

  letGo(): void {
    if (--this.#keepers === 0) native().detach(this.#buffer);
  }

  use(): void {
    this.keep();
  }

  leave(): void {
    this.letGo();
  }
}

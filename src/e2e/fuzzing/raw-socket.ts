import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Greeted } from '../../native.js';
import { encodeFrame, type Frame } from '../../wire/frames.js';
import { FrameReceiver } from '../../wire/receiver.js';

const PATIENCE_MS = 10_000;
export const READY = encodeFrame({ type: 'READY', minor: 0, features: 0n });

/** How a connection ended, as the side saw it that sent whatever it liked. */
export interface Verdict {
  /** The number of the ERROR of the connection that came back; null where none came. */
  error: number | null;
  message: string;
  /** What kept the peer from being well-behaved: a frame that is none, frames after its last, silence. */
  complaint: string | null;
}

/**
 * One end of a connection whose handshake is done: sends any bytes, reads frames. Writes past the stream, so that a failed write,
 * which would destroy it, leaves what is still to be read.
 */
export class RawSocket {
  readonly received: Frame[] = [];
  readonly #counts = new Map<Frame['type'], number>();
  readonly #fd: number;
  readonly #pidfd: number;
  readonly #socket: Socket;
  readonly #receiver = new FrameReceiver();
  readonly #ended: Promise<void>;
  #complaint: string | null = null;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** Takes over the descriptors of `greeted`. */
  constructor({ fd, pidfd, mapping }: Greeted) {
    this.#fd = fd;
    this.#pidfd = pidfd;
    mapping.close();
    this.#socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {}); // a reset: whatever came before has been read
    this.#ended = new Promise((resolve) => {
      const end = () => {
        this.#hasEnded = true;
        this.#wake?.();
        resolve();
      };
      this.#socket.on('end', end).on('close', end);
    });
  }

  /** Waits until so many frames of a type have come, or nothing comes any more. */
  async expect(type: Frame['type'], count: number): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#hasEnded && (this.#counts.get(type) ?? 0) < count) {
      if (Date.now() > deadline) throw new Error(`expected ${count} ${type} within ${PATIENCE_MS} ms, found fewer`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, PATIENCE_MS).unref();
      });
    }
  }

  /** Sends bytes, cut at these places; stops where the peer takes no more. */
  async send(bytes: Buffer, cuts: number[] = []): Promise<void> {
    const places = [0, ...cuts, bytes.length];
    for (const [i, end] of places.slice(1).entries()) {
      if (!(await this.#write(bytes.subarray(places[i], end)))) return;
      if (cuts.length > 0) await new Promise(setImmediate);
    }
  }

  /** Says that nothing more comes, reads to the end, and tells how it ended. */
  async finish(): Promise<Verdict> {
    if (!this.#socket.destroyed) this.#socket.end();
    const timer = setTimeout(() => {
      this.#complaint ??= `expected the end of the connection within ${PATIENCE_MS} ms, found it open`;
      this.#socket.destroy();
    }, PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
    this.#socket.destroy();
    if (this.#pidfd >= 0) closeSync(this.#pidfd);
    const at = this.received.findIndex((frame) => frame.type === 'ERROR' && frame.stream === 0);
    if (at >= 0 && at < this.received.length - 1)
      this.#complaint ??= `expected nothing after ERROR of the connection, found ${this.received[at + 1]!.type}`;
    const error = this.received[at] as (Frame & { type: 'ERROR' }) | undefined;
    return { error: error?.number ?? null, message: error?.message ?? '', complaint: this.#complaint };
  }

  #take(chunk: Buffer): void {
    try {
      this.#receiver.push(chunk);
      // A RESULT or INLINE is a view of the chunk; nobody here reads it later.
      for (const frame of this.#receiver.frames()) {
        this.received.push(frame);
        this.#counts.set(frame.type, (this.#counts.get(frame.type) ?? 0) + 1);
      }
    } catch (error) {
      this.#complaint ??= `expected frames, found: ${error}`;
    }
    this.#wake?.();
  }

  /** Whether the peer took all of it. */
  async #write(bytes: Buffer): Promise<boolean> {
    const deadline = Date.now() + PATIENCE_MS;
    let at = 0;
    while (at < bytes.length && !this.#hasEnded) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EAGAIN') return false;
        if (Date.now() > deadline)
          throw new Error(`expected the peer to read within ${PATIENCE_MS} ms, found it not to`);
        await sleep(1);
      }
    }
    return at === bytes.length;
  }
}

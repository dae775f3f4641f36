import { closeSync, writeSync } from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import { callNative, type Greeted, type Mapping } from '../native.js';
import { encodeFrame, type Frame, MAX_RELEASES } from './frames.js';
import { FrameReceiver } from './receiver.js';

/** Who is on the other side. */
export interface PeerIdentity {
  /** As its HELLO says. */
  name: string;
  /** By the kernel's word; of a sidecar, the pid that was spawned. */
  pid: number;
  uid: number;
}

/** A process that this one started: SO_PEERCRED of its inherited socket would name this one. */
export interface SpawnedProcess {
  pid: number;
  isAlive(): boolean;
}

/** What a connection tells whoever uses it. */
export interface ConnectionHandler {
  /** The peer has accepted this side. */
  onReady(): void;
  /** A frame of a stream, or CLOSING. What it throws as an ArrowlabError is a violation and ends the connection. */
  onFrame(frame: Frame): void;
  /** Nothing comes any more. `error`: the violation, the peer's ERROR, or undefined when the socket simply ended. */
  onEnd(error: ArrowlabError | undefined): void;
}

const MINOR = 0;
const READY_TIMEOUT_MS = 2_000;
/** Where all sockets of this thread deliver, one after the other: what comes is taken in before anything else is read. */
const RECEIVED = Buffer.allocUnsafeSlow(64 * 1024);
/** Answers that a peer may leave unread and still ask for more; and all that it may, messages included. */
const MAX_UNREAD_ANSWER_BYTES = 2 ** 20;
const MAX_UNREAD_BYTES = 32 * 2 ** 20;
/** Frames that have to be answered. */
const QUESTIONS: readonly Frame['type'][] = ['SUBSCRIBE', 'LIST', 'CALL', 'CANCEL'];
const ANSWERS: readonly Frame['type'][] = ['OPEN', 'ERROR', 'RESULT', 'CANCELLED'];

/**
 * The frames' way over one socket, after the HELLOs. Sends what one turn of the event loop produced in one write, releases coalesced
 * and ahead of everything else. Knows the READY exchange and connection errors; streams and leases are its handler's.
 */
export class Connection {
  readonly peer: PeerIdentity;
  readonly mapping: Mapping;
  /** Settles when the peer's READY is there; rejects with the peer's ERROR or what went wrong. */
  readonly ready: Promise<void>;

  readonly #socket: Socket;
  /** The socket's descriptor, which is the socket's to close. */
  readonly #fd: number;
  readonly #spawned: SpawnedProcess | undefined;
  #pidfd: number;
  readonly #receiver = new FrameReceiver();
  readonly #handler: ConnectionHandler;
  #outgoing: Buffer[] = [];
  #releases: bigint[] = [];
  /** Bytes of answers sent since the socket had last taken everything. */
  #answeredBytes = 0;
  #flushing = false;
  #isReady = false;
  /** Whoever connects speaks second: a refusal is read before a write can fail for it. */
  readonly #answersReady: boolean;
  #ended = false;
  #settleReady!: (error?: ArrowlabError) => void;

  /** Takes over the descriptors of `greeted`. */
  constructor(greeted: Greeted, side: 'connector' | 'acceptor', handler: ConnectionHandler, spawned?: SpawnedProcess) {
    this.peer = { name: greeted.name, pid: spawned?.pid ?? greeted.pid, uid: greeted.uid };
    this.mapping = greeted.mapping;
    this.#pidfd = greeted.pidfd;
    this.#fd = greeted.fd;
    this.#spawned = spawned;
    this.#handler = handler;
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.fail(new ArrowlabError('HELLO_TIMEOUT', 'expected READY within 2 s, found silence')),
        READY_TIMEOUT_MS,
      );
      this.#settleReady = (error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
    });
    this.ready.catch(() => {}); // whoever awaits it is told; nobody has to
    const options: SocketConstructorOpts & ConnectOpts = {
      fd: greeted.fd,
      readable: true,
      writable: true,
      allowHalfOpen: true,
      onread: { buffer: RECEIVED, callback: (byteLength) => this.#receive(RECEIVED.subarray(0, byteLength)) },
    };
    this.#socket = new Socket(options);
    this.#socket.on('end', () => this.#end(undefined));
    // A failed write is not the end: what is still to be read may hold the ERROR that explains.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#end(undefined));
    this.#answersReady = side === 'connector';
    if (!this.#answersReady) this.#sayReady();
  }

  /** Whether anything can still be sent. */
  get isOpen(): boolean {
    return !this.#ended && !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  /** Whether the peer's process still runs. */
  get isPeerAlive(): boolean {
    if (this.#spawned) return this.#spawned.isAlive();
    return this.#pidfd >= 0 ? callNative((addon) => addon.isAlive(this.#pidfd)) : processExists(this.peer.pid);
  }

  /** Lets this process end although the socket is open. */
  unref(): void {
    this.#socket.unref();
  }

  /** Queues a frame; it leaves at the end of this turn of the event loop. */
  send(frame: Frame): void {
    if (!this.isOpen) return;
    if (this.#releases.length > 0) this.#takeReleases();
    const bytes = encodeFrame(frame);
    if (ANSWERS.includes(frame.type)) this.#answeredBytes += bytes.length;
    this.#outgoing.push(bytes);
    this.#scheduleFlush();
  }

  /** Queues a lease's release; many leave in one frame, ahead of the next frame of any kind. */
  release(lease: bigint): void {
    if (!this.isOpen) return;
    this.#releases.push(lease);
    this.#scheduleFlush();
  }

  /** Reports a violation to the peer as ERROR of the connection, and ends it. */
  fail(error: ArrowlabError): void {
    this.send({ type: 'ERROR', stream: 0, number: error.number, message: error.message });
    this.#end(error);
    this.close();
  }

  /** Sends what is queued, then closes the socket. */
  close(): void {
    this.#flush();
    if (!this.#socket.destroyed) this.#socket.end(() => this.#socket.destroy());
    // A peer that never reads must not keep this socket for ever.
    setTimeout(() => this.#socket.destroy(), READY_TIMEOUT_MS).unref();
  }

  /** Lets go of the socket and the peer's process. The map stays: what has been received may still be read. */
  dispose(): void {
    this.#socket.destroy();
    if (this.#pidfd >= 0) closeSync(this.#pidfd);
    this.#pidfd = -1;
  }

  #sayReady(): void {
    this.send({ type: 'READY', minor: MINOR, features: 0n });
  }

  #takeReleases(): void {
    if (debug.enabled)
      debug('release of %d leases to %s (pid %d)', this.#releases.length, this.peer.name, this.peer.pid);
    for (let at = 0; at < this.#releases.length; at += MAX_RELEASES)
      this.#outgoing.push(encodeFrame({ type: 'RELEASE', leases: this.#releases.slice(at, at + MAX_RELEASES) }));
    this.#releases = [];
  }

  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#releases.length > 0) this.#takeReleases();
    if (this.#outgoing.length === 0 || this.#socket.writableEnded || this.#socket.destroyed) return;
    const bytes = this.#outgoing.length === 1 ? this.#outgoing[0]! : Buffer.concat(this.#outgoing);
    this.#outgoing = [];
    // A net.Socket takes several times as long as the system call: it gets what does not go out at once.
    const sent = this.#socket.writableLength === 0 ? sendNow(this.#fd, bytes) : 0;
    if (sent < bytes.length) this.#socket.write(sent === 0 ? bytes : bytes.subarray(sent), this.#onWritten);
    else this.#answeredBytes = 0;
  }

  readonly #onWritten = (): void => {
    if (this.#socket.writableLength === 0) this.#answeredBytes = 0;
  };

  /** Takes what the socket delivered; always asks for more. */
  #receive(chunk: Buffer): true {
    if (this.#ended) return true;
    this.#receiver.push(chunk);
    try {
      for (const frame of this.#receiver.frames()) {
        this.#accept(frame);
        if (this.#ended) return true;
      }
    } catch (error) {
      if (!(error instanceof ArrowlabError)) throw error;
      this.fail(error);
    }
    return true;
  }

  #accept(frame: Frame): void {
    if (frame.type === 'ERROR' && frame.stream === 0) {
      this.#end(
        ArrowlabError.fromWire(frame.number, `the peer ${this.peer.name} ended the connection: ${frame.message}`),
      );
      this.close();
    } else if (frame.type === 'READY') {
      if (this.#isReady) throw new ArrowlabError('STREAM_STATE', 'expected READY once, found it again');
      this.#isReady = true;
      if (this.#answersReady) this.#sayReady();
      this.#settleReady();
      this.#handler.onReady();
    } else {
      if (!this.#isReady)
        throw new ArrowlabError('STREAM_STATE', `expected READY as the first frame, found ${frame.type}`);
      if (QUESTIONS.includes(frame.type)) this.#checkUnread();
      this.#handler.onFrame(frame);
    }
  }

  /** Throws TOO_MANY_STREAMS when the peer asks on and on and does not read. */
  #checkUnread(): void {
    const unread = this.#socket.writableLength;
    if (unread > MAX_UNREAD_BYTES || (unread > 0 && this.#answeredBytes > MAX_UNREAD_ANSWER_BYTES))
      throw new ArrowlabError(
        'TOO_MANY_STREAMS',
        `expected the peer to read the answers it asked for, found ${unread} bytes unread`,
      );
  }

  #end(error: ArrowlabError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settleReady(error ?? new ArrowlabError('CLOSED', 'expected READY, found the end of the connection'));
    this.#handler.onEnd(error);
  }
}

/**
 * Sends what a socket takes at once; returns how many bytes need not be sent any more. Those are all of them where the peer has closed:
 * a net.Socket that wrote to it would end at once, and what the peer said last would never be read.
 */
function sendNow(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : bytes.length;
  }
}

/** Where the system has no pidfd (before Linux 5.3), or the process was gone when one was asked for. */
function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

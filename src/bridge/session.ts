import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import type { Greeted } from '../native.js';
import { Connection, type ConnectionHandler, type Frame, type SpawnedProcess } from '../wire/index.js';
import { ConsumerSide } from './consumer-side.js';
import type { Endpoint } from './endpoint.js';
import { ProducerSide } from './producer-side.js';
import type { Question, RequestOptions } from './request.js';
import { type PeerStatus, since } from './status.js';
import { type Side, StreamNumbers } from './stream-numbers.js';
import type { Subscription, SubscriptionOptions } from './subscription.js';

/** How often a lost peer's process is looked at, while it holds leases. */
const QUARANTINE_MS = 50;

/** Of the connections of this process, for people. */
let lastNumber = 0;

/** One connection of an endpoint, from its handshake until nothing of it is left. */
export class Session implements ConnectionHandler {
  readonly endpoint: Endpoint;
  readonly producer: ProducerSide;
  readonly consumer: ConsumerSide;
  /** For people: `peer python (pid 12)`. */
  readonly label: string;
  readonly number = ++lastNumber;
  readonly sinceMs = performance.now();
  /** Whether both sides have accepted each other. */
  isAccepted = false;

  readonly #connection: Connection;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  #hasSaidClosing = false;
  #peerIsClosing = false;
  /** Why nothing comes any more. */
  #over: { error: ArrowlabError | undefined } | undefined;

  constructor(endpoint: Endpoint, greeted: Greeted, side: Side, spawned?: SpawnedProcess) {
    this.endpoint = endpoint;
    this.label = `peer ${greeted.name || 'without a name'} (pid ${spawned?.pid ?? greeted.pid})`;
    this.#connection = new Connection(greeted, side, this, spawned);
    const numbers = new StreamNumbers(side);
    this.producer = new ProducerSide(this, this.#connection, numbers);
    this.consumer = new ConsumerSide(this, this.#connection, numbers);
  }

  get peer() {
    return this.#connection.peer;
  }

  /** Settles when the peer has accepted this side. */
  get ready(): Promise<void> {
    return this.#connection.ready;
  }

  status(): Omit<PeerStatus, 'isAsking'> {
    const isGone = !this.#connection.isOpen || this.#over;
    const state = isGone ? 'quarantined' : this.#isClosing || this.#peerIsClosing ? 'closing' : 'open';
    const { mapping, count: leasesHeld } = this.consumer.holdings;
    return {
      connection: this.number,
      ...this.peer,
      state,
      forMs: since(this.sinceMs),
      regionByteLength: mapping.byteLength,
      leasesHeld,
    };
  }

  send(frame: Frame): void {
    // After CLOSING there is nothing to say but RELEASE; the peer expects no answer any more.
    if (!this.#hasSaidClosing) this.#connection.send(frame);
  }

  /** Subscribes to a stream of the peer. Throws CLOSED. */
  subscribe(name: string, options: SubscriptionOptions): Subscription {
    this.#checkOpen();
    return this.consumer.subscribe(name, options);
  }

  /** Asks the peer something that it answers once. Throws CLOSED. */
  request(question: Question, options: RequestOptions): Promise<unknown> {
    this.#checkOpen();
    return this.consumer.request(question, options);
  }

  /**
   * Says goodbye: cancels what is consumed, fails what is produced and has not ended, sends CLOSING. The socket closes when the last lease
   * that is held here has been released; what is leased stays readable. Until then it keeps no process alive.
   */
  close(): Promise<void> {
    this.#closing ??= this.#sayGoodbye();
    return this.#closing;
  }

  async #sayGoodbye(): Promise<void> {
    debug('%s: close', this.label);
    this.#isClosing = true;
    const isAnswered = await this.consumer.cancelAll();
    if (this.#over) return;
    if (!isAnswered) {
      this.#connection.close(); // a peer that does not even answer CANCEL: as if it were gone
      return;
    }
    this.producer.endOutlets();
    this.send({ type: 'CLOSING' });
    this.#hasSaidClosing = true;
    this.#connection.unref();
    this.finishClosing();
  }

  /** Where this side has said goodbye and holds nothing any more, the socket closes. */
  finishClosing(): void {
    if (this.#hasSaidClosing && this.consumer.isIdle) this.#connection.close();
  }

  onReady(): void {
    this.isAccepted = true;
    debug('%s: accepted', this.label);
    this.endpoint.onSessionReady?.(this);
  }

  onFrame(frame: Frame): void {
    switch (frame.type) {
      case 'SUBSCRIBE':
      case 'LIST':
      case 'CALL':
        if (this.#peerIsClosing)
          throw new ArrowlabError('STREAM_STATE', 'expected no new stream after CLOSING, found one');
        this.producer.accept(frame);
        break;
      case 'CREDIT':
      case 'CANCEL':
      case 'RELEASE':
        this.producer.accept(frame);
        break;
      case 'CLOSING':
        this.#acceptClosing();
        break;
      case 'READY':
        throw new ArrowlabError('STREAM_STATE', 'expected READY once, found it again');
      default:
        this.consumer.accept(frame);
    }
  }

  onEnd(error: ArrowlabError | undefined): void {
    this.#over = { error };
    const { ledger, completed } = this.producer;
    this.consumer.fail(error ?? new ArrowlabError('PRODUCER_GONE', `${this.label} went away before the stream's end`));
    this.producer.closeOutlets();
    this.#connection.close();
    if (ledger.count > 0) debug('%s: %d leases in quarantine', this.label, ledger.count);
    // Who says goodbye has read, although its process may end with the last batch in a variable.
    if (!error && (ledger.count === 0 || this.#peerIsClosing))
      for (const name of completed) this.endpoint.wasRead(name);
    this.#quarantine(error);
  }

  /** The peer may still read what it leases until its process is dead: only then its extents come free. */
  #quarantine(error: ArrowlabError | undefined): void {
    const { ledger } = this.producer;
    if (ledger.count > 0 && !this.endpoint.isClosed && this.#connection.isPeerAlive) {
      setTimeout(() => this.#quarantine(error), QUARANTINE_MS).unref();
      return;
    }
    ledger.releaseAll();
    this.#connection.dispose();
    this.consumer.holdings.peerGone();
    this.endpoint.sessionEnded(this, error);
  }

  #acceptClosing(): void {
    debug('%s: closing', this.label);
    if (this.#peerIsClosing) throw new ArrowlabError('STREAM_STATE', 'expected CLOSING once, found it again');
    this.#peerIsClosing = true;
    this.consumer.fail(new ArrowlabError('PRODUCER_GONE', `${this.label} closed before the stream's end`));
    this.producer.closeOutlets();
  }

  #checkOpen(): void {
    if (this.#connection.isOpen && !this.#isClosing) return;
    const { error: cause } = this.#over ?? {};
    const why = cause ? `: ${cause.message}` : '';
    throw new ArrowlabError('CLOSED', `expected an open connection, found the one to ${this.label} closed${why}`, {
      cause,
    });
  }
}

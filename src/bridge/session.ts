import { channel } from 'node:diagnostics_channel';
import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import type { Greeted } from '../native.js';
import {
  Connection,
  type ConnectionHandler,
  type Frame,
  MAX_RESULT_BYTES,
  type SpawnedProcess,
} from '../wire/index.js';
import { collectGarbage } from './collector.js';
import type { Endpoint } from './endpoint.js';
import { Holdings } from './holdings.js';
import { LeaseLedger } from './ledger.js';
import { Outlet } from './outlet.js';
import type { PlacedMessage } from './placed.js';
import type { PublishedStream } from './published.js';
import { type Question, Request, type RequestOptions } from './request.js';
import { type PeerStatus, since, statusJson } from './status.js';
import { type Side, StreamNumbers } from './stream-numbers.js';
import { Subscription, type SubscriptionOptions } from './subscription.js';

/** For measurements: a peer's releases have arrived, `{ pid, leases }`. */
const released = channel('arrowlab:released');
/** Streams that one side may have open on a connection (PROTOCOL.md, section 5). */
const MAX_STREAMS = 1_024;
/** How often a lost peer's process is looked at, while it holds leases. */
const QUARANTINE_MS = 50;
/** How long a peer may take to answer a CANCEL when this side closes. */
const ANSWER_TIMEOUT_MS = 2_000;
/** The function that every endpoint of Node serves. */
const STATUS = 'arrowlab.status';

/** Of the connections of this process, for people. */
let lastNumber = 0;

/** What this side opened. */
type Exchange = Subscription | Request;

/** One connection of an endpoint: its streams in both directions, the leases given and the leases held. */
export class Session implements ConnectionHandler {
  readonly endpoint: Endpoint;
  /** The leases given. */
  readonly ledger = new LeaseLedger();
  /** The leases held. */
  readonly holdings: Holdings;
  /** For people: `peer python (pid 12)`. */
  readonly label: string;

  readonly number = ++lastNumber;
  readonly sinceMs = performance.now();
  /** Whether both sides have accepted each other. */
  isAccepted = false;

  readonly #connection: Connection;
  readonly #outlets = new Map<number, Outlet>();
  readonly #subscriptions = new Map<number, Exchange>();
  /** Subscriptions whose messages are not all read yet, which may have ended, and requests that are not answered. */
  readonly #unread = new Set<Exchange>();
  /** Streams that the peer was sent to their end. */
  readonly #completed = new Set<string>();
  readonly #numbers: StreamNumbers;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  #hasSaidClosing = false;
  #peerIsClosing = false;
  #isOver = false;
  #idle: (() => void) | undefined;

  constructor(endpoint: Endpoint, greeted: Greeted, side: Side, spawned?: SpawnedProcess) {
    this.endpoint = endpoint;
    this.#numbers = new StreamNumbers(side);
    this.label = `peer ${greeted.name || 'without a name'} (pid ${spawned?.pid ?? greeted.pid})`;
    this.#connection = new Connection(greeted, side, this, spawned);
    this.holdings = new Holdings(this.#connection.mapping, (lease) => {
      this.#connection.release(lease);
      this.#finishClosing();
    });
  }

  get peer() {
    return this.#connection.peer;
  }

  /** Settles when the peer has accepted this side. */
  get ready(): Promise<void> {
    return this.#connection.ready;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen && !this.#isClosing;
  }

  get outlets(): Iterable<Outlet> {
    return this.#outlets.values();
  }

  status(): Omit<PeerStatus, 'isAsking'> {
    const isGone = !this.#connection.isOpen || this.#isOver;
    const state = isGone ? 'quarantined' : this.#isClosing || this.#peerIsClosing ? 'closing' : 'open';
    const { mapping, count: leasesHeld } = this.holdings;
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

  /** Sends a message to an outlet's peer, giving a lease where it lies in an extent. */
  sendMessage(outlet: Outlet, sequence: bigint, message: PlacedMessage): void {
    if (!this.#connection.isOpen) return;
    const { stream } = outlet;
    if (message.bytes) this.send({ type: 'INLINE', stream, sequence, bytes: message.bytes });
    else {
      const extent = message.extent!;
      const lease = this.ledger.give(extent, outlet, this.label);
      this.send({
        type: 'DESCRIPTOR',
        stream,
        sequence,
        lease,
        offset: BigInt(extent.offset),
        length: BigInt(extent.byteLength),
      });
    }
  }

  /** A write of a stream of this side waits for `needed` bytes: asks the peer, if it reads the stream or leases anything. */
  writeWaits(published: PublishedStream, needed: number): void {
    const readers = [...this.#outlets.values()].filter((outlet) => published.has(outlet)).map(({ stream }) => stream);
    if (readers.length === 0 && this.ledger.count > 0) readers.push(0);
    for (const stream of readers)
      this.send({ type: 'WAITING', stream, needed: BigInt(needed), held: BigInt(this.ledger.heldBytes(stream)) });
  }

  /** Subscribes to a stream of the peer. Throws CLOSED. */
  subscribe(name: string, options: SubscriptionOptions): Subscription {
    this.#checkOpen();
    const subscription = new Subscription(this, this.#numbers.take(), name, options);
    this.#subscriptions.set(subscription.stream, subscription);
    this.#unread.add(subscription);
    subscription.start();
    return subscription;
  }

  /** Asks the peer something that it answers once. Throws CLOSED. */
  request(question: Question, options: RequestOptions): Promise<unknown> {
    this.#checkOpen();
    const request = new Request(this, this.#numbers.take(), question, options);
    this.#subscriptions.set(request.stream, request);
    this.#unread.add(request);
    request.start();
    return request.answer;
  }

  /** A subscription holds no unread message any more, and gets none; or a request has its answer. */
  finished(subscription: Exchange): void {
    this.#unread.delete(subscription);
  }

  /** A subscription or request is over and its CANCELLED, if one was owed, has come. */
  forget(subscription: Exchange): void {
    this.#subscriptions.delete(subscription.stream);
    if (this.#subscriptions.size === 0) this.#idle?.();
  }

  /** Ends the connection because of what the peer sent. */
  violation(error: ArrowlabError): void {
    this.#connection.fail(error);
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
    if (this.#isOver) return;
    debug('%s: close', this.label);
    this.#isClosing = true;
    for (const subscription of [...this.#unread]) subscription.cancel();
    if (this.#subscriptions.size > 0 && !(await this.#isAnswered())) {
      this.#connection.close(); // a peer that does not even answer CANCEL: as if it were gone
      return;
    }
    for (const outlet of [...this.#outlets.values()])
      outlet.end(new ArrowlabError('PRODUCER_GONE', 'the producer closed its endpoint'));
    this.send({ type: 'CLOSING' });
    this.#hasSaidClosing = true;
    this.#connection.unref();
    this.#finishClosing();
  }

  /** Waits until every CANCEL has been answered; false when that takes too long. */
  #isAnswered(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
      this.#idle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  onReady(): void {
    this.isAccepted = true;
    debug('%s: accepted', this.label);
    this.endpoint.onSessionReady?.(this);
  }

  onFrame(frame: Frame): void {
    switch (frame.type) {
      case 'SUBSCRIBE':
        this.#openStream(frame.stream);
        this.#acceptSubscribe(frame.stream, frame.name, frame.credit);
        break;
      case 'LIST':
        this.#openStream(frame.stream);
        this.#answerList(frame.stream);
        break;
      case 'CALL':
        this.#openStream(frame.stream);
        this.#answerCall(frame.stream, frame.name, frame.parameters);
        break;
      case 'CREDIT':
        this.#numbers.check(frame.stream, frame.type);
        this.#outlets.get(frame.stream)?.grant(frame.messages);
        break;
      case 'CANCEL':
        this.#numbers.check(frame.stream, frame.type);
        debug('%s: cancel of stream %d', this.label, frame.stream);
        this.#outlets.get(frame.stream)?.close();
        this.send({ type: 'CANCELLED', stream: frame.stream });
        break;
      case 'RELEASE':
        if (debug.enabled) debug('%s: %d leases came back', this.label, frame.leases.length);
        for (const lease of frame.leases) this.ledger.release(lease);
        if (released.hasSubscribers) released.publish({ pid: this.peer.pid, leases: frame.leases });
        break;
      case 'CLOSING':
        debug('%s: closing', this.label);
        this.#acceptClosing();
        break;
      case 'RESULT':
        this.#requestOf(frame).accept(frame);
        break;
      case 'WAITING':
        if (debug.enabled) debug('%s: waits for %s bytes, stream %d', this.label, frame.needed, frame.stream);
        if (frame.stream === 0) void collectGarbage();
        else this.#subscriptionOf(frame).accept(frame);
        break;
      case 'OPEN':
      case 'DESCRIPTOR':
      case 'INLINE':
      case 'END':
      case 'CANCELLED':
      case 'ERROR':
        this.#subscriptionOf(frame).accept(frame);
        break;
      default:
        throw new ArrowlabError('STREAM_STATE', `expected no ${frame.type} here: nothing was asked for`);
    }
  }

  onEnd(error: ArrowlabError | undefined): void {
    this.#isOver = true;
    const gone = error ?? new ArrowlabError('PRODUCER_GONE', `${this.label} went away before the stream's end`);
    for (const subscription of [...this.#subscriptions.values()]) subscription.fail(gone);
    for (const outlet of [...this.#outlets.values()]) outlet.close();
    this.#idle?.();
    this.#connection.close();
    if (this.ledger.count > 0) debug('%s: %d leases in quarantine', this.label, this.ledger.count);
    else if (!error) for (const name of this.#completed) this.endpoint.wasRead(name);
    this.#quarantine(error);
  }

  /** The peer may still read what it leases until its process is dead: only then its extents come free. */
  #quarantine(error: ArrowlabError | undefined): void {
    if (this.ledger.count > 0 && !this.endpoint.isClosed && this.#connection.isPeerAlive) {
      setTimeout(() => this.#quarantine(error), QUARANTINE_MS).unref();
      return;
    }
    this.ledger.releaseAll();
    this.#connection.dispose();
    this.holdings.peerGone();
    this.endpoint.sessionEnded(this, error);
  }

  #acceptSubscribe(stream: number, name: string, credit: number): void {
    const outlet = new Outlet(this, stream, name, 0);
    if (this.#outlets.size >= MAX_STREAMS) {
      const expected = `expected at most ${MAX_STREAMS} open streams on a connection, found more`;
      this.#refuse(stream, new ArrowlabError('TOO_MANY_STREAMS', expected));
      return;
    }
    outlet.grant(credit);
    outlet.onClosed = () => {
      this.#outlets.delete(stream);
      if (outlet.isComplete) this.#completed.add(name);
      this.endpoint.outletClosed(outlet);
    };
    this.#outlets.set(stream, outlet);
    if (debug.enabled) debug('%s: subscribe to %j', this.label, name);
    this.endpoint.outletArrived(outlet);
  }

  #answerList(stream: number): void {
    const json = JSON.stringify(this.endpoint.list());
    if (Buffer.byteLength(json) <= MAX_RESULT_BYTES) this.send({ type: 'RESULT', stream, json });
    else this.#refuse(stream, new ArrowlabError('NOT_SERVED', 'there are too many streams to list in one frame'));
  }

  #answerCall(stream: number, name: string, parameters: string): void {
    if (name !== STATUS || this.endpoint.isClosed)
      this.#refuse(stream, new ArrowlabError('NOT_SERVED', 'this endpoint serves no functions'));
    else if (parameters !== '')
      this.#refuse(stream, new ArrowlabError('INVALID_ARGUMENT', `expected ${STATUS} without parameters, found some`));
    else this.send({ type: 'RESULT', stream, json: statusJson(this.endpoint.status(this), MAX_RESULT_BYTES) });
  }

  #refuse(stream: number, error: ArrowlabError): void {
    this.send({ type: 'ERROR', stream, number: error.number, message: error.message });
  }

  #acceptClosing(): void {
    if (this.#peerIsClosing) throw new ArrowlabError('STREAM_STATE', 'expected CLOSING once, found it again');
    this.#peerIsClosing = true;
    for (const subscription of [...this.#subscriptions.values()])
      subscription.fail(new ArrowlabError('PRODUCER_GONE', `${this.label} closed before the stream's end`));
    for (const outlet of [...this.#outlets.values()]) outlet.close();
  }

  #finishClosing(): void {
    if (this.#isClosing && this.holdings.isEmpty && this.#subscriptions.size === 0) this.#connection.close();
  }

  #checkOpen(): void {
    if (!this.isOpen)
      throw new ArrowlabError('CLOSED', `expected an open connection, found the one to ${this.label} closed`);
  }

  #openStream(stream: number): void {
    if (this.#peerIsClosing) throw new ArrowlabError('STREAM_STATE', 'expected no new stream after CLOSING, found one');
    this.#numbers.open(stream);
  }

  #requestOf(frame: Frame & { type: 'RESULT' }): Request {
    const request = this.#subscriptionOf(frame);
    if (request instanceof Request) return request;
    throw new ArrowlabError('STREAM_STATE', `expected no RESULT for a subscription, found one in ${frame.stream}`);
  }

  #subscriptionOf({ type, stream }: { type: string; stream: number }): Exchange {
    const subscription = this.#subscriptions.get(stream);
    if (!subscription)
      throw new ArrowlabError(
        'STREAM_STATE',
        `expected ${type} for a stream that is open here, found stream ${stream}`,
      );
    return subscription;
  }
}

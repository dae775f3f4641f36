import { channel } from 'node:diagnostics_channel';
import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import { type Connection, type Frame, MAX_RESULT_BYTES, type PeerIdentity } from '../wire/index.js';
import type { Broadcast } from './broadcast.js';
import type { Endpoint } from './endpoint.js';
import { LeaseLedger, MAX_LEASES } from './ledger.js';
import { Outlet } from './outlet.js';
import type { PlacedMessage } from './placed.js';
import type { Session } from './session.js';
import { statusJson } from './status.js';
import type { StreamNumbers } from './stream-numbers.js';

/** For measurements: a peer's releases have arrived, `{ pid, leases }`. */
const released = channel('arrowlab:released');
/** Streams that one side may have open on a connection (PROTOCOL.md, section 5). */
const MAX_STREAMS = 1_024;
/** The function that every endpoint of Node serves. */
const STATUS = 'arrowlab.status';

/** What a consumer sends. */
export type ConsumerFrame = Extract<Frame, { type: 'SUBSCRIBE' | 'LIST' | 'CALL' | 'CREDIT' | 'CANCEL' | 'RELEASE' }>;

/** What a session's peer reads of this endpoint: its subscriptions, and the leases that it was given. */
export class ProducerSide {
  /** The leases given. */
  readonly ledger = new LeaseLedger();
  readonly label: string;

  readonly #session: Session;
  readonly #endpoint: Endpoint;
  readonly #connection: Connection;
  readonly #numbers: StreamNumbers;
  readonly #outlets = new Map<number, Outlet>();
  /** Streams that the peer was sent to their end. */
  readonly #completed = new Set<string>();

  constructor(session: Session, connection: Connection, numbers: StreamNumbers) {
    this.#session = session;
    this.#endpoint = session.endpoint;
    this.#connection = connection;
    this.#numbers = numbers;
    this.label = session.label;
  }

  get peer(): PeerIdentity {
    return this.#connection.peer;
  }

  get outlets(): Iterable<Outlet> {
    return this.#outlets.values();
  }

  /** Streams that the peer was sent to their end. */
  get completed(): Iterable<string> {
    return this.#completed;
  }

  /** Whether the peer holds as many leases as anybody may. */
  get holdsTooMany(): boolean {
    return this.ledger.count >= MAX_LEASES;
  }

  send(frame: Frame): void {
    this.#session.send(frame);
  }

  /** Sends a message to an outlet's peer, giving a lease where it lies in an extent. */
  sendMessage(outlet: Outlet, sequence: bigint, message: PlacedMessage): void {
    if (!this.#connection.isOpen) return;
    const { stream } = outlet;
    const { bytes, extent, byteLength } = message;
    if (bytes) {
      this.send({ type: 'INLINE', stream, sequence, bytes });
      return;
    }
    const lease = this.ledger.give(extent!, outlet, this.label);
    // A batch built in place may end before its extent does.
    const [offset, length] = [BigInt(extent!.offset), BigInt(byteLength)];
    this.send({ type: 'DESCRIPTOR', stream, sequence, lease, offset, length });
  }

  /** A write of a stream waits for `needed` bytes: asks the peer, if it reads the stream or leases anything. */
  writeWaits(broadcast: Broadcast, needed: number): void {
    const say = (stream: number, held: number) =>
      this.send({ type: 'WAITING', stream, needed: BigInt(needed), held: BigInt(held) });
    const readers = [...this.#outlets.values()].filter((outlet) => outlet.broadcast === broadcast);
    if (readers.length === 0 && this.ledger.count > 0) say(0, this.ledger.heldBytes(0));
    for (const { stream } of readers) {
      const held = this.ledger.heldBytes(stream);
      say(stream, broadcast.isBlockedBy(this.ledger.heldBytes(stream, broadcast), needed) ? held : 0);
    }
  }

  /** Takes a frame of the consumer. Throws the violation that it is. */
  accept(frame: ConsumerFrame): void {
    switch (frame.type) {
      case 'RELEASE':
        if (debug.enabled) debug('%s: %d leases came back', this.label, frame.leases.length);
        for (const lease of frame.leases) this.ledger.release(lease);
        if (released.hasSubscribers) released.publish({ pid: this.peer.pid, leases: frame.leases });
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
      default:
        this.#numbers.open(frame.stream);
        this.#open(frame);
    }
  }

  /** The peer wants nothing more, or is gone. Leases go on. */
  closeOutlets(): void {
    for (const outlet of [...this.#outlets.values()]) outlet.close();
  }

  /** This side sends nothing more: streams that have not ended fail at the peer. */
  endOutlets(): void {
    for (const outlet of [...this.#outlets.values()])
      outlet.end(new ArrowlabError('PRODUCER_GONE', 'the producer closed its endpoint'));
  }

  #open(frame: ConsumerFrame & { type: 'SUBSCRIBE' | 'LIST' | 'CALL' }): void {
    const { stream } = frame;
    if (frame.type === 'SUBSCRIBE') this.#subscribed(stream, frame.name, frame.credit);
    else if (frame.type === 'LIST') this.#answerList(stream);
    else this.#answerCall(stream, frame.name, frame.parameters);
  }

  #subscribed(stream: number, name: string, credit: number): void {
    if (!this.#endpoint.isPublishing) {
      this.#refuse(stream, new ArrowlabError('NOT_SERVED', 'expected an endpoint that publishes, found a consumer'));
      return;
    }
    if (this.#outlets.size >= MAX_STREAMS) {
      const expected = `expected at most ${MAX_STREAMS} open streams on a connection, found more`;
      this.#refuse(stream, new ArrowlabError('TOO_MANY_STREAMS', expected));
      return;
    }
    const outlet = new Outlet(this, stream, name);
    outlet.grant(credit);
    outlet.onClosed = () => {
      this.#outlets.delete(stream);
      if (outlet.isComplete) this.#completed.add(name);
      this.#endpoint.outletClosed(outlet);
    };
    this.#outlets.set(stream, outlet);
    if (debug.enabled) debug('%s: subscribe to %j', this.label, name);
    this.#endpoint.outletArrived(outlet);
  }

  #answerList(stream: number): void {
    const json = JSON.stringify(this.#endpoint.list());
    if (Buffer.byteLength(json) <= MAX_RESULT_BYTES) this.send({ type: 'RESULT', stream, json });
    else this.#refuse(stream, new ArrowlabError('NOT_SERVED', 'there are too many streams to list in one frame'));
  }

  #answerCall(stream: number, name: string, parameters: string): void {
    if (name !== STATUS || this.#endpoint.isClosed)
      this.#refuse(stream, new ArrowlabError('NOT_SERVED', 'this endpoint serves no functions'));
    else if (parameters !== '')
      this.#refuse(stream, new ArrowlabError('INVALID_ARGUMENT', `expected ${STATUS} without parameters, found some`));
    else
      this.send({ type: 'RESULT', stream, json: statusJson(this.#endpoint.status(this.#session), MAX_RESULT_BYTES) });
  }

  #refuse(stream: number, error: ArrowlabError): void {
    this.send({ type: 'ERROR', stream, number: error.number, message: error.message });
  }
}

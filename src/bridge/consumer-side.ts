import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import type { Connection, Frame } from '../wire/index.js';
import { Holdings } from './holdings.js';
import { reclaim } from './reclaim.js';
import { type Question, Request, type RequestOptions } from './request.js';
import type { Session } from './session.js';
import type { StreamNumbers } from './stream-numbers.js';
import { type StreamFrame, Subscription, type SubscriptionOptions } from './subscription.js';

/** How long a peer may take to answer a CANCEL when this side closes. */
const ANSWER_TIMEOUT_MS = 2_000;

/** What this side opened. */
type Exchange = Subscription | Request;

/** What this side reads of a session's peer: its subscriptions and requests, and the leases that it holds. */
export class ConsumerSide {
  /** The leases held. */
  readonly holdings: Holdings;
  readonly label: string;

  readonly #session: Session;
  readonly #connection: Connection;
  readonly #numbers: StreamNumbers;
  readonly #exchanges = new Map<number, Exchange>();
  /** Subscriptions whose messages are not all read yet, which may have ended, and requests that are not answered. */
  readonly #unread = new Set<Exchange>();
  #answered: (() => void) | undefined;

  constructor(session: Session, connection: Connection, numbers: StreamNumbers) {
    this.#session = session;
    this.#connection = connection;
    this.#numbers = numbers;
    this.label = session.label;
    this.holdings = new Holdings(connection.mapping, (lease) => {
      connection.release(lease);
      session.finishClosing();
    });
  }

  /** Whether nothing is under way and nothing is held. */
  get isIdle(): boolean {
    return this.holdings.isEmpty && this.#exchanges.size === 0;
  }

  send(frame: Frame): void {
    this.#session.send(frame);
  }

  /** Subscribes to a stream of the peer. */
  subscribe(name: string, options: SubscriptionOptions): Subscription {
    return this.#start(new Subscription(this, this.#numbers.take(), name, options));
  }

  /** Asks the peer something that it answers once. */
  request(question: Question, options: RequestOptions): Promise<unknown> {
    return this.#start(new Request(this, this.#numbers.take(), question, options)).answer;
  }

  /** A subscription holds no unread message any more, and gets none; or a request has its answer. */
  finished(exchange: Exchange): void {
    this.#unread.delete(exchange);
  }

  /** A subscription or request is over and its CANCELLED, if one was owed, has come. */
  forget(exchange: Exchange): void {
    this.#exchanges.delete(exchange.stream);
    if (this.#exchanges.size === 0) this.#answered?.();
  }

  /** Ends the connection because of what the peer sent. */
  violation(error: ArrowlabError): void {
    this.#connection.fail(error);
  }

  /** Takes a frame of the producer. Throws the violation that it is. */
  accept(frame: StreamFrame): void {
    if (frame.type === 'WAITING') {
      if (debug.enabled) debug('%s: waits for %s bytes, stream %d', this.label, frame.needed, frame.stream);
      if (frame.stream === 0) {
        void reclaim(Number(frame.needed));
        return;
      }
    }
    const exchange = this.#exchanges.get(frame.stream);
    if (!exchange)
      throw new ArrowlabError(
        'STREAM_STATE',
        `expected ${frame.type} for a stream that is open here, found stream ${frame.stream}`,
      );
    exchange.accept(frame);
  }

  /** Nothing more comes. What has arrived can still be read. */
  fail(error: ArrowlabError): void {
    for (const exchange of [...this.#exchanges.values()]) exchange.fail(error);
    this.#answered?.();
  }

  /** Cancels everything and waits for the peer's answers; false when these take too long. */
  async cancelAll(): Promise<boolean> {
    for (const exchange of [...this.#unread]) exchange.cancel();
    if (this.#exchanges.size === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
      this.#answered = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #start<E extends Exchange>(exchange: E): E {
    this.#exchanges.set(exchange.stream, exchange);
    this.#unread.add(exchange);
    exchange.start();
    return exchange;
  }
}

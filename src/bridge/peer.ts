import type { Table } from 'apache-arrow';
import { awaitNative, type Greeted } from '../native.js';
import type { PeerIdentity } from '../wire/index.js';
import { Endpoint, type EndpointOptions, type StreamListing } from './endpoint.js';
import type { RequestOptions } from './request.js';
import type { Session } from './session.js';
import type { EndpointStatus } from './status.js';
import type { Subscription, SubscriptionOptions } from './subscription.js';

/** A connection to a server. */
export class Peer {
  readonly #endpoint: Endpoint;
  readonly #session: Session;

  /** Made by `connect` and `inherit`. */
  constructor(endpoint: Endpoint, session: Session) {
    this.#endpoint = endpoint;
    this.#session = session;
  }

  /** Who is on the other side. */
  get identity(): PeerIdentity {
    return this.#session.peer;
  }

  /** Whether the bytes of a typed array lie in the other side's region. */
  contains(bytes: ArrayBufferView): boolean {
    return this.#session.consumer.holdings.mapping.contains(bytes);
  }

  /** Subscribes to a stream; waits for it where nobody publishes it yet. Throws CLOSED; what happens later is thrown by `next()`. */
  subscribe(name: string, options: SubscriptionOptions = {}): Subscription {
    return this.#session.subscribe(name, options);
  }

  /** A whole stream as a table on the heap. Throws what `Subscription.next` throws. */
  async readAll(name: string, options: SubscriptionOptions = {}): Promise<Table> {
    return this.subscribe(name, options).readAll();
  }

  /** The streams that the other side publishes. Throws NOT_SERVED, TIMEOUT, ABORTED, CLOSED. */
  async list(options: RequestOptions = {}): Promise<StreamListing[]> {
    return this.#session.request({ type: 'LIST' }, options) as Promise<StreamListing[]>;
  }

  /** What the other side says of itself. Throws NOT_SERVED where it says nothing (Python, Rust), TIMEOUT, ABORTED, CLOSED. */
  async status(options: RequestOptions = {}): Promise<EndpointStatus> {
    const question = { type: 'CALL', credit: 0, name: 'arrowlab.status', parameters: '' } as const;
    return this.#session.request(question, options) as Promise<EndpointStatus>;
  }

  /** Ends the connection. Batches that are still held stay valid; the socket goes when the last of them is released. */
  async close(): Promise<void> {
    await this.#session.close(); // also where it is over: what was never read is let go
    await this.#endpoint.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Connects to the server at a path. Throws CONNECT_FAILED, or the reason why one side refused the other. */
export function connect(path: string, options: EndpointOptions = {}): Promise<Peer> {
  return meet(options, (endpoint) =>
    awaitNative((addon) => addon.connect(path, endpoint.region.native, endpoint.name)),
  );
}

/** Connects over a socket that this process inherited from the one that started it. Takes the descriptor over. */
export function inherit(fd: number, options: EndpointOptions = {}): Promise<Peer> {
  return meet(options, (endpoint) => awaitNative((addon) => addon.adopt(fd, endpoint.region.native, endpoint.name, 0)));
}

async function meet(options: EndpointOptions, greet: (endpoint: Endpoint) => Promise<Greeted>): Promise<Peer> {
  const endpoint = new Endpoint(options, false);
  try {
    const session = endpoint.attach(await greet(endpoint), 'connector');
    await session.ready;
    return new Peer(endpoint, session);
  } catch (error) {
    await endpoint.close();
    throw error;
  }
}

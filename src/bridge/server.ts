import { EventEmitter } from 'node:events';
import { asSchema, type TableMemory } from '../columns/index.js';
import { debug } from '../debug.js';
import { type ArrowlabError, ArrowlabError as Failure } from '../errors.js';
import { type SchemaLike, schemaOf, type TableLike } from '../ipc/index.js';
import { awaitNative, callNative, discardGreeted, type Greeted, type Listener, type Refused } from '../native.js';
import type { RegionStats } from '../region/index.js';
import type { PeerIdentity, SpawnedProcess } from '../wire/index.js';
import { Endpoint, type EndpointOptions, type WriteWait } from './endpoint.js';
import type { PublishOptions } from './publish-options.js';
import type { PublishedStream } from './published.js';
import { RegionMemory } from './region-memory.js';
import type { EndpointStatus } from './status.js';

export interface ListenOptions extends EndpointOptions {
  /** Where to listen: a path of at most 107 bytes, in a directory that only this user can enter. */
  path: string;
}

const isTable = (data: SchemaLike | TableLike | undefined): data is TableLike =>
  typeof data === 'object' && data !== null && 'batches' in data;

/** How long a process that was just started may take until it greets. */
const START_TIMEOUT_MS = 30_000;

interface ServerEvents {
  /** A peer has connected and was accepted. */
  peer: [PeerIdentity];
  /** A peer is gone and holds nothing any more; `error` says why, where it did not simply close. */
  gone: [PeerIdentity, ArrowlabError | undefined];
  /** A write waits for memory: said when it begins to, and each second while it does. `stats().heldBytes` says who holds what. */
  waiting: [WriteWait];
  /** Somebody who connected was turned away. */
  refused: [ArrowlabError];
}

/** An endpoint that others connect to. It publishes; its peers subscribe. */
export class Server extends EventEmitter<ServerEvents> {
  readonly #endpoint: Endpoint;
  #listener: Listener | undefined;
  #memory: RegionMemory | undefined;

  constructor(options: EndpointOptions) {
    super();
    this.#endpoint = new Endpoint(options, true);
    this.#endpoint.onWriteWaits = (wait) => this.#tell('waiting', wait);
    this.#endpoint.onSessionReady = (session) => this.#tell('peer', session.peer);
    this.#endpoint.onSessionEnded = (session, error) => {
      if (session.isAccepted) this.#tell('gone', session.peer, error);
      else this.#tell('refused', error ?? new Failure('CLOSED', `${session.label} left before it was ready`));
    };
  }

  /** Begins to listen; `listen` calls it. Throws LISTEN_FAILED, INVALID_ARGUMENT. */
  listen(path: string): void {
    const { region, name } = this.#endpoint;
    this.#listener = callNative(
      (addon) => new addon.Listener(path, region.native, name, (refused, peer) => this.#greeted(refused, peer)),
    );
    debug('listening on %s', path);
  }

  /** Takes in a peer that this process started and whose handshake over an inherited socket is done. */
  async adopt(fd: number, spawned: SpawnedProcess): Promise<void> {
    const { region, name } = this.#endpoint;
    const greeted = await awaitNative((addon) => addon.adopt(fd, region.native, name, START_TIMEOUT_MS));
    if (this.#endpoint.isClosed) {
      discardGreeted(greeted);
      throw new Failure('CLOSED', 'expected an open server, found it closed while a process that it started greeted');
    }
    await this.#endpoint.attach(greeted, 'acceptor', spawned).ready;
  }

  /** Publishes a stream to write to. Throws STREAM_EXISTS, INVALID_ARGUMENT, TYPE_UNSUPPORTED, CLOSED. */
  publish(name: string, schema: SchemaLike, options?: PublishOptions): PublishedStream;
  /** Publishes a whole table, kept until `unpublish(name)`; resolves when it is written. Throws MEMORY_LIMIT and what `PublishedStream.write` throws. */
  publish(name: string, table: TableLike): Promise<PublishedStream>;
  publish(
    name: string,
    data: SchemaLike | TableLike,
    options: PublishOptions = {},
  ): PublishedStream | Promise<PublishedStream> {
    if (!isTable(data)) return this.#endpoint.publish(name, asSchema(data), options);
    return this.#publishWhole(name, this.#endpoint.publish(name, schemaOf(data), { retain: 'all' }), (stream) =>
      stream.write(data),
    );
  }

  /**
   * Publishes an Arrow IPC stream or file, from a file descriptor or bytes, kept until `unpublish(name)`; its contents are checked in full.
   * Resolves when it is written. Throws IPC_INVALID, DATA_INVALID, IPC_UNSUPPORTED and what `publish` throws.
   */
  publishIpc(name: string, source: number | Uint8Array): Promise<PublishedStream> {
    return this.#publishWhole(name, this.#endpoint.publish(name, undefined, { retain: 'all' }), (stream) =>
      stream.writeIpc(source),
    );
  }

  /** Takes a stream's name away and lets go what it retains; who reads it already reads on. Throws STREAM_UNKNOWN. */
  unpublish(name: string): void {
    this.#endpoint.unpublish(name);
  }

  /** Where a `MutableTable` keeps its rows in this server's region instead of on the heap. */
  get memory(): TableMemory {
    this.#memory ??= new RegionMemory(this.#endpoint.region);
    return this.#memory;
  }

  stats(): RegionStats {
    return this.#endpoint.stats();
  }

  /** What `alab ipc status` shows: streams, peers, leases, and who waits and why. Throws CLOSED. */
  status(): EndpointStatus {
    return this.#endpoint.status();
  }

  /** Stops listening and closes every connection. What peers hold stays readable to them. */
  async close(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    await this.#endpoint.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #publishWhole(
    name: string,
    stream: PublishedStream,
    write: (stream: PublishedStream) => Promise<void>,
  ): Promise<PublishedStream> {
    try {
      await write(stream);
      await stream.end();
      return stream;
    } catch (error) {
      this.#endpoint.unpublish(name);
      throw error;
    }
  }

  /** Not at once: what a listener throws is the process's affair, and neither the write's nor the peer's. */
  #tell<E extends keyof ServerEvents>(event: E, ...what: ServerEvents[E]): void {
    queueMicrotask(() => this.emit(event as never, ...(what as never)));
  }

  #greeted(refused: Refused | null, greeted: Greeted | null): void {
    if (greeted && this.#listener) this.#endpoint.attach(greeted, 'acceptor');
    else if (greeted) discardGreeted(greeted);
    else if (refused) {
      const who = `pid ${refused.pid}, user ${refused.uid}`;
      debug('refused: %s (%s)', refused.message, who);
      this.#tell('refused', new Failure(refused.arrowlabName as 'NOT_ARROWLAB', `${refused.message} (${who})`));
    }
  }
}

/** Listens on a path. Throws LISTEN_FAILED, INVALID_ARGUMENT, NATIVE_MISSING, ADDRESS_SPACE. */
export async function listen({ path, ...options }: ListenOptions): Promise<Server> {
  const server = new Server(options);
  try {
    server.listen(path);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

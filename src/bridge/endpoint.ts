import { debug } from '../debug.js';
import { ArrowlabError } from '../errors.js';
import type { SchemaLike } from '../ipc/index.js';
import type { Greeted } from '../native.js';
import { Region, type RegionOptions, type RegionStats } from '../region/index.js';
import type { SpawnedProcess } from '../wire/index.js';
import type { Broadcast } from './broadcast.js';
import type { Outlet } from './outlet.js';
import type { PublishOptions } from './publish-options.js';
import { PublishedStream } from './published.js';
import { Session } from './session.js';
import { type EndpointStatus, type LeaseStatus, regionStatus, type SubscriptionStatus, since } from './status.js';
import type { Side } from './stream-numbers.js';

export interface EndpointOptions extends RegionOptions {
  /** Shown to peers and in messages; at most 80 bytes of UTF-8. */
  name?: string | undefined;
  /** Messages shorter than this many bytes travel on the socket instead of through the region; 0 turns that off, 65,536 is the most. Default 8,192. */
  inlineBelow?: number | undefined;
}

/** A published stream, as LIST shows it. */
export interface StreamListing {
  name: string;
  /** Record batches written so far. */
  batches: number;
  ended: boolean;
}

/** A write that waits for memory. */
export interface WriteWait {
  stream: string;
  /** Bytes that it needs. */
  needed: number;
  waitedMs: number;
}

/** Measured: below this, a page of its own costs more than the copy through the socket (scripts/bench/inline). */
const INLINE_BELOW = 8_192;
const MAX_INLINE_BELOW = 65_537;

/** What a process shows of itself on all its connections: one region, the streams it publishes, its sessions. */
export class Endpoint {
  readonly region: Region;
  readonly name: string;
  readonly inlineBelow: number;
  /** Whether streams can be published here; a consumer answers who subscribes that it cannot. */
  readonly isPublishing: boolean;
  /** Called when both sides of a session have accepted each other. */
  onSessionReady: ((session: Session) => void) | undefined;
  /** Called when a session is over and nothing of it is left. */
  onSessionEnded: ((session: Session, error: ArrowlabError | undefined) => void) | undefined;

  /** Called when a write begins to wait for memory, and each second while it waits. */
  onWriteWaits: ((wait: WriteWait) => void) | undefined;

  readonly #streams = new Map<string, PublishedStream>();
  readonly #waiting = new Map<string, Set<Outlet>>();
  readonly #sessions = new Set<Session>();
  #isClosed = false;

  constructor(options: EndpointOptions, isPublishing: boolean) {
    this.isPublishing = isPublishing;
    this.inlineBelow = options.inlineBelow ?? INLINE_BELOW;
    if (!Number.isInteger(this.inlineBelow) || this.inlineBelow < 0 || this.inlineBelow > MAX_INLINE_BELOW - 1)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected inlineBelow from 0 to ${MAX_INLINE_BELOW - 1} bytes, found ${options.inlineBelow}`,
      );
    this.name = options.name ?? `node ${process.pid}`;
    this.region = new Region(options);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes a greeted peer in. */
  attach(greeted: Greeted, side: Side, spawned?: SpawnedProcess): Session {
    const session = new Session(this, greeted, side, spawned);
    this.#sessions.add(session);
    return session;
  }

  /** Publishes a stream under a name. Throws STREAM_EXISTS, CLOSED. */
  publish(name: string, schema: SchemaLike | undefined, options: PublishOptions): PublishedStream {
    this.#checkName(name);
    if (this.#isClosed) throw new ArrowlabError('CLOSED', 'expected an open endpoint, found a closed one');
    if (this.#streams.has(name))
      throw new ArrowlabError(
        'STREAM_EXISTS',
        `expected a name that is free, found ${JSON.stringify(name)} published already: unpublish it first`,
      );
    const stream = new PublishedStream(this, name, schema, options);
    this.#streams.set(name, stream);
    if (debug.enabled) debug('publish %j', name);
    for (const outlet of this.#waiting.get(name) ?? []) stream.broadcast.attach(outlet);
    this.#waiting.delete(name);
    return stream;
  }

  /** Takes a stream's name away; who reads it already reads on, what was retained is let go. Throws STREAM_UNKNOWN. */
  unpublish(name: string): void {
    const stream = this.#streams.get(name);
    if (!stream)
      throw new ArrowlabError(
        'STREAM_UNKNOWN',
        `expected a published stream, found none named ${JSON.stringify(name)}`,
      );
    this.#streams.delete(name);
    stream.broadcast.retire();
  }

  /** A write of a stream waits for memory: whoever holds some is asked for it. */
  writeWaits(stream: Broadcast, needed: number, waitedMs: number): void {
    if (debug.enabled) debug('write to %j waits for %d bytes, for %d ms', stream.name, needed, Math.round(waitedMs));
    for (const session of this.#sessions) session.producer.writeWaits(stream, needed);
    this.onWriteWaits?.({ stream: stream.name, needed, waitedMs });
  }

  list(): StreamListing[] {
    return [...this.#streams.values()].map(({ name, batches, isEnded }) => ({ name, batches, ended: isEnded }));
  }

  stats(): RegionStats {
    return this.region.stats();
  }

  /** Everything there is to see; `asking` is the session it was asked for on. Throws CLOSED. */
  status(asking?: Session): EndpointStatus {
    const { region, holders, waiting } = regionStatus(this.region);
    const peers: EndpointStatus['peers'] = [];
    const subscriptions: SubscriptionStatus[] = [];
    const leases: LeaseStatus[] = [];
    for (const session of this.#sessions) {
      const connection = session.number;
      peers.push({ ...session.status(), isAsking: session === asking });
      for (const outlet of session.producer.outlets) subscriptions.push({ connection, ...outlet.status() });
      for (const { name, sinceMs, ...leased } of session.producer.ledger.byStream())
        leases.push({ connection, stream: name, ...leased, oldestMs: since(sinceMs) });
    }
    for (const stream of this.#streams.values()) waiting.push(...stream.broadcast.waits());
    for (const [name, outlets] of this.#waiting)
      for (const { peerLabel, sinceMs } of outlets)
        waiting.push({
          who: peerLabel,
          for: 'publication',
          forMs: since(sinceMs),
          why: `nobody publishes ${JSON.stringify(name)}`,
        });
    const streams = [...this.#streams.values()].map((stream) => stream.broadcast.status());
    return {
      ...{ name: this.name, pid: process.pid, region, peers, streams, subscriptions, leases, holders, waiting },
      omitted: {},
    };
  }

  /** A subscriber was sent a stream to its end, released it and is gone. */
  wasRead(name: string): void {
    const stream = this.#streams.get(name);
    if (stream) stream.broadcast.readers++;
  }

  /** A peer subscribed; it waits while nobody publishes the name. */
  outletArrived(outlet: Outlet): void {
    const stream = this.#streams.get(outlet.name);
    if (stream) stream.broadcast.attach(outlet);
    else this.#waiting.set(outlet.name, (this.#waiting.get(outlet.name) ?? new Set()).add(outlet));
  }

  outletClosed(outlet: Outlet): void {
    outlet.broadcast?.detach(outlet);
    const waiting = this.#waiting.get(outlet.name);
    waiting?.delete(outlet);
    if (waiting?.size === 0) this.#waiting.delete(outlet.name);
  }

  sessionEnded(session: Session, error: ArrowlabError | undefined): void {
    if (debug.enabled)
      debug('%s: %s%s', session.label, session.isAccepted ? 'gone' : 'refused', error ? `, ${error.message}` : '');
    this.#sessions.delete(session);
    this.onSessionEnded?.(session, error);
  }

  /** Closes every session; streams that have not ended fail at their consumers. What consumers hold stays readable. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all([...this.#sessions].map((session) => session.close()));
    for (const stream of this.#streams.values()) stream.broadcast.retire();
    this.#streams.clear();
    this.region.close();
  }

  #checkName(name: string): void {
    const byteLength = typeof name === 'string' ? Buffer.byteLength(name) : 0;
    if (byteLength < 1 || byteLength > 255)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected a stream name of 1 to 255 bytes of UTF-8, found ${JSON.stringify(name)}`,
      );
  }
}

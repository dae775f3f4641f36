import type { Region } from '../region/index.js';

/** What an endpoint says of itself (PROTOCOL.md, section 5): sizes in bytes, `forMs` and `oldestMs` in milliseconds up to now. */
export interface EndpointStatus {
  name: string;
  pid: number;
  region: RegionStatus;
  peers: PeerStatus[];
  streams: StreamStatus[];
  subscriptions: SubscriptionStatus[];
  leases: LeaseStatus[];
  holders: HolderStatus[];
  waiting: WaitStatus[];
  /** By list: how many entries were left out because the whole would not fit in one frame. */
  omitted: Partial<Record<ListName, number>>;
}

/** The endpoint's own region. */
export interface RegionStatus {
  /** Address space, of which only resident bytes cost memory. */
  byteLength: number;
  maxBytes: number;
  residentBytes: number;
  /** In extents in use, each counted once. */
  usedBytes: number;
  /** Free and resident. */
  warmBytes: number;
}

/** A connection. */
export interface PeerStatus {
  /** Its number, from 1 on, in the endpoint's process. */
  connection: number;
  name: string;
  pid: number;
  uid: number;
  /** `closing`: one side has said goodbye; `quarantined`: the socket is gone, and its leases stay until the process is dead. */
  state: 'open' | 'closing' | 'quarantined';
  /** Whether the status was asked for on it. */
  isAsking: boolean;
  forMs: number;
  /** Size of the peer's region. */
  regionByteLength: number;
  /** Leases of the peer's region that this endpoint holds. */
  leasesHeld: number;
}

/** A published stream. */
export interface StreamStatus {
  name: string;
  batches: number;
  rows: number;
  writtenBytes: number;
  /** Of these, bytes of batches that were built in place: all others were copied into the region or onto the socket. */
  inPlaceBytes: number;
  isEnded: boolean;
  retain: 'none' | 'latest' | 'all';
  slow: 'block' | 'drop';
  subscribers: number;
  /** Subscribers that were sent all of it to its end, and are gone having released it or said goodbye. */
  readers: number;
  /** Batches left out for slow subscribers, of those that have gone too. */
  droppedBatches: number;
  usedBytes: number;
  /** Of the used bytes, what is kept for late subscribers. */
  retainedBytes: number;
  reservedBytes: number;
}

/** What a peer reads, or waits to read. */
export interface SubscriptionStatus {
  connection: number;
  stream: string;
  state: 'unpublished' | 'open';
  forMs: number;
  /** Messages that the peer still takes. */
  credit: number;
  /** Messages for which it has no credit. */
  queuedMessages: number;
  droppedBatches: number;
}

/** What a peer leases of one stream. */
export interface LeaseStatus {
  connection: number;
  stream: string;
  leases: number;
  /** Of the extents, each counted once. */
  bytes: number;
  oldestMs: number;
}

/** Whoever keeps extents: leases, queues, writers, streams that retain. */
export interface HolderStatus {
  holder: string;
  /** An extent with several holders counts for each. */
  bytes: number;
  oldestMs: number;
}

/** Somebody who waits. */
export interface WaitStatus {
  who: string;
  /** A writer for `memory`, for its first `subscriber`, for a slow subscriber's `credit`; a subscriber for a `publication`. */
  for: 'memory' | 'subscriber' | 'credit' | 'publication';
  forMs: number;
  why: string;
}

type ListName = 'peers' | 'streams' | 'subscriptions' | 'leases' | 'holders' | 'waiting';
const LISTS: ListName[] = ['peers', 'streams', 'subscriptions', 'leases', 'holders', 'waiting'];

/** Milliseconds since a point of `performance.now()`. */
export const since = (sinceMs: number): number => Math.round(performance.now() - sinceMs);

export function regionStatus(region: Region): Pick<EndpointStatus, 'region' | 'holders' | 'waiting'> {
  const { maxBytes, residentBytes, usedBytes, warmBytes, waiting } = region.stats();
  const holders = region.holders().map(({ holder, byteLength, sinceMs }) => ({
    holder,
    bytes: byteLength,
    oldestMs: since(sinceMs),
  }));
  const [most] = holders;
  const held = most ? `, ${most.bytes} of them held by ${most.holder} for up to ${most.oldestMs} ms` : '';
  return {
    region: { byteLength: region.native.byteLength, maxBytes, residentBytes, usedBytes, warmBytes },
    holders,
    waiting: waiting.map(({ holder, byteLength, sinceMs }) => ({
      who: holder,
      for: 'memory',
      forMs: since(sinceMs),
      why: `${byteLength} bytes are needed, and ${usedBytes} of maxBytes = ${maxBytes} are in use${held}`,
    })),
  };
}

/** A status as JSON of at most `maxBytes` bytes: the longest lists are cut from their ends, and `omitted` says by how much. */
export function statusJson(status: EndpointStatus, maxBytes: number): string {
  const cut: EndpointStatus = { ...status, omitted: { ...status.omitted } };
  for (;;) {
    const json = JSON.stringify(cut);
    if (Buffer.byteLength(json) <= maxBytes) return json;
    const size = (name: ListName): number => (cut[name].length === 0 ? 0 : JSON.stringify(cut[name]).length);
    const longest = LISTS.reduce((one, other) => (size(other) > size(one) ? other : one));
    const kept = Math.floor(cut[longest].length / 2);
    Object.assign(cut, { [longest]: cut[longest].slice(0, kept) });
    cut.omitted[longest] = status[longest].length - kept;
  }
}

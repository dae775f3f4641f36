import { ArrowlabError } from '../errors.js';
import type { Extent, Holder } from '../region/index.js';

/** A peer's right to read an extent. */
interface Lease extends Holder {
  readonly stream: number;
  readonly name: string;
  readonly extent: Extent;
}

/** What one peer may hold: what it is given is kept track of, which costs memory here. */
export const MAX_LEASES = 2 ** 18;

/** The leases that one peer holds of this endpoint's region, by their connection-wide id. */
export class LeaseLedger {
  readonly #leases = new Map<bigint, Lease>();
  #last = 0n;

  get count(): number {
    return this.#leases.size;
  }

  /** Bytes of the extents that are leased, through one stream or (stream 0) all; each counts once. Without those that `other` holds as well. */
  heldBytes(stream: number, other?: Holder): number {
    const extents = new Set<Extent>();
    for (const { stream: through, extent } of this.#leases.values())
      if ((stream === 0 || through === stream) && !(other && extent.holders.has(other))) extents.add(extent);
    return sumOf(extents);
  }

  /** What is leased, by the stream that it went through. */
  byStream(): { name: string; leases: number; bytes: number; sinceMs: number }[] {
    const streams = new Map<number, { name: string; leases: number; extents: Set<Extent>; sinceMs: number }>();
    for (const { stream, name, extent, sinceMs } of this.#leases.values()) {
      const leased = streams.get(stream) ?? { name, leases: 0, extents: new Set(), sinceMs };
      streams.set(stream, leased);
      leased.leases++;
      leased.extents.add(extent);
    }
    return [...streams.values()].map(({ extents, ...leased }) => ({ ...leased, bytes: sumOf(extents) }));
  }

  /** Gives a lease through a stream; returns its id. `label` says who gets it, for people. */
  give(extent: Extent, { stream, name }: { stream: number; name: string }, label: string): bigint {
    const holder = `${label}, stream ${JSON.stringify(name)}`;
    const lease: Lease = { extent, stream, name, holder, sinceMs: performance.now() };
    extent.hold(lease);
    this.#leases.set(++this.#last, lease);
    return this.#last;
  }

  /** Takes a lease back. Throws LEASE_UNKNOWN. */
  release(id: bigint): void {
    const lease = this.#leases.get(id);
    if (!lease)
      throw new ArrowlabError('LEASE_UNKNOWN', `expected the release of a lease that is held, found lease ${id}`);
    this.#leases.delete(id);
    lease.extent.drop(lease);
  }

  /** Takes everything back: the peer's process is dead. */
  releaseAll(): void {
    for (const id of [...this.#leases.keys()]) this.release(id);
  }
}

const sumOf = (extents: Set<Extent>): number => [...extents].reduce((sum, { capacity }) => sum + capacity, 0);

import { ArrowlabError } from '../errors.js';
import type { Extent, Holder } from '../region/index.js';

/** A peer's right to read an extent. */
interface Lease extends Holder {
  readonly stream: number;
  readonly extent: Extent;
}

/** The leases that one peer holds of this endpoint's region, by their connection-wide id. */
export class LeaseLedger {
  readonly #leases = new Map<bigint, Lease>();
  #last = 0n;

  get count(): number {
    return this.#leases.size;
  }

  /** Bytes of the extents that are leased, through one stream or (stream 0) all; each counts once. */
  heldBytes(stream: number): number {
    const extents = new Set<Extent>();
    for (const lease of this.#leases.values()) if (stream === 0 || lease.stream === stream) extents.add(lease.extent);
    return [...extents].reduce((sum, { capacity }) => sum + capacity, 0);
  }

  /** Gives a lease through a stream; returns its id. `holder` says who gets it, for people. */
  give(extent: Extent, stream: number, holder: string): bigint {
    const lease: Lease = { extent, stream, holder, sinceMs: performance.now() };
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

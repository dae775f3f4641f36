import { ArrowlabError } from '../errors.js';
import type { Mapping } from '../native.js';
import { PAGE_BYTES, wholePages } from '../region/index.js';
import type { Frame } from '../wire/index.js';
import { LeasedMessage } from './incoming.js';

const PAGE = BigInt(PAGE_BYTES);

/** An extent of the peer's region while it is leased: several descriptors may name the same one. */
interface LeasedExtent {
  byteLength: number;
  leases: number;
}

/** The leases of one peer's region that this side holds. */
export class Holdings {
  readonly mapping: Mapping;
  /** How many leases have been released so far. */
  releasedCount = 0;
  readonly #release: (lease: bigint) => void;
  /** By offset. */
  readonly #extents = new Map<number, LeasedExtent>();
  readonly #messages = new Set<LeasedMessage>();
  #lastLease = 0n;
  #isPeerGone = false;

  /** `release` is called with each lease that is needed no more. */
  constructor(mapping: Mapping, release: (lease: bigint) => void) {
    this.mapping = mapping;
    this.#release = release;
  }

  get count(): number {
    return this.#messages.size;
  }

  get isEmpty(): boolean {
    return this.#messages.size === 0;
  }

  /** The message that a DESCRIPTOR names, under its lease. Throws SEQUENCE, EXTENT_BOUNDS. */
  lease({ stream, lease, offset, length }: Frame & { type: 'DESCRIPTOR' }): LeasedMessage {
    const { mapping } = this;
    if (lease <= this.#lastLease)
      throw new ArrowlabError('SEQUENCE', `expected a lease greater than ${this.#lastLease}, found ${lease}`);
    if (offset % PAGE !== 0n || length < 8n || offset + length > BigInt(mapping.byteLength))
      throw new ArrowlabError(
        'EXTENT_BOUNDS',
        `expected an extent of 8 bytes or more at a multiple of 4,096 inside the region of ${mapping.byteLength} bytes, found offset ${offset}, length ${length}`,
      );
    this.#lastLease = lease;
    const message = new LeasedMessage(mapping, stream, Number(offset), Number(length), () => {
      this.#messages.delete(message);
      this.#leave(message.offset);
      this.releasedCount++;
      this.#release(lease);
      this.#closeUnused();
    });
    this.#messages.add(message);
    this.#enter(message);
    return message;
  }

  /** Whether the reader of a stream was given a message that nobody but itself can release. */
  isWithReader(stream: number): boolean {
    for (const message of this.#messages) if (message.stream === stream && message.isWithReader) return true;
    return false;
  }

  /** No more leases come; what is held can still be read, and the map goes with the last of it. */
  peerGone(): void {
    this.#isPeerGone = true;
    this.#closeUnused();
  }

  #enter({ offset, byteLength }: LeasedMessage): void {
    const extent = this.#extents.get(offset) ?? { byteLength: 0, leases: 0 };
    extent.byteLength = Math.max(extent.byteLength, byteLength);
    extent.leases++;
    this.#extents.set(offset, extent);
  }

  /** What JavaScript wrote goes with the extent's last lease: until then it may be read through another one. */
  #leave(offset: number): void {
    const extent = this.#extents.get(offset)!;
    if (--extent.leases > 0) return;
    this.#extents.delete(offset);
    this.mapping.discardWrites(offset, wholePages(extent.byteLength));
  }

  #closeUnused(): void {
    if (this.#isPeerGone && this.isEmpty) this.mapping.close();
  }
}

import { ArrowlabError } from '../errors.js';
import { wholePages } from './allocator.js';

/** One stream's part in a region's memory. */
export class Share {
  /** Bytes of extents in use. */
  usedBytes = 0;
  /** Of these, what is kept for late subscribers: no wait brings it back. */
  retainedBytes = 0;
  isClosed = false;

  /** Made by `Budget.open`. `reservedBytes`: what the stream may use whatever the others hold; `isRetaining`: whether it keeps what it writes. */
  constructor(
    readonly name: string,
    public reservedBytes: number,
    readonly isRetaining: boolean,
  ) {}
}

export interface ShareOptions {
  /** Bytes that the stream may use whatever the others hold. */
  reservedBytes?: number | undefined;
  /** Whether the stream keeps batches for late subscribers. */
  isRetaining?: boolean | undefined;
}

/** By default a stream reserves this part of maxBytes, and all streams together no more than half of it. */
const DEFAULT_PART = 1 / 16;

/**
 * Decides who may use how much of a region: `maxBytes` in all, each open stream its reservation whatever the others hold, and what is
 * left whoever comes first. So no stream, however slow or greedy, stops another.
 */
export class Budget {
  readonly #shares = new Set<Share>();
  #usedBytes = 0;
  /** What reservations keep free: the sum of what each share could still take of its own. */
  #unusedReservedBytes = 0;

  constructor(readonly maxBytes: number) {}

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * A share for a stream. Without `reservedBytes` it gets a sixteenth of `maxBytes`, or half of what reservations may still take where that is less.
   * Throws MEMORY_LIMIT when so much cannot be reserved beside what the others have.
   */
  open(name: string, { reservedBytes, isRetaining = false }: ShareOptions = {}): Share {
    const free = Math.max(0, this.maxBytes - this.#reservedOrRetained());
    const byDefault = Math.max(0, Math.min(this.maxBytes * DEFAULT_PART, (free - this.maxBytes / 2) / 2));
    if (reservedBytes !== undefined && wholePages(reservedBytes) > free)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected a reservation for ${name} that fits beside those of other streams, found ${reservedBytes} bytes where ${free} of maxBytes = ${this.maxBytes} are left: reserve less or raise maxBytes`,
      );
    const share = new Share(name, wholePages(reservedBytes ?? Math.floor(byDefault)), isRetaining);
    this.#shares.add(share);
    this.#unusedReservedBytes += share.reservedBytes;
    return share;
  }

  /** The stream has ended: its reservation is the others', what it uses is still counted. */
  close(share: Share): void {
    this.#unusedReservedBytes -= unused(share);
    share.reservedBytes = 0;
    share.isClosed = true;
    this.#forgetEmpty(share);
  }

  /** Whether `share` may take `byteLength` bytes now. Whoever is not first in line may only use its own reservation. */
  admits(share: Share, byteLength: number, isFirst: boolean): boolean {
    const after = this.#usedBytes + byteLength;
    if (after > this.maxBytes) return false;
    if (share.usedBytes + byteLength <= share.reservedBytes) return true;
    if (!isFirst) return false;
    // A stream that holds nothing may go beyond its part with one message that comes back: else large ones could never be written.
    if (share.usedBytes === 0 && !share.isRetaining) return true;
    return after + this.#unusedReservedBytes - unused(share) <= this.maxBytes;
  }

  /** Throws MEMORY_LIMIT where waiting could never make room for `byteLength` bytes. */
  checkPossible(share: Share, byteLength: number): void {
    if (this.#usedBytes + byteLength + this.#unusedReservedBytes <= this.maxBytes) return;
    const found = `found ${byteLength} bytes for ${share.name}, with maxBytes = ${this.maxBytes}`;
    if (byteLength > this.maxBytes)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected at most maxBytes in one write, ${found}: write smaller batches or raise maxBytes`,
      );
    const taken = share.isRetaining ? this.#reservedOrRetained(share) : this.#retained();
    if (taken + byteLength > this.maxBytes)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected a message that fits beside what is retained and reserved, ${found} of which ${taken} are retained or reserved: raise maxBytes or retain less`,
      );
  }

  /** Whether `byteLength` bytes could not be taken although everybody gave back all but what somebody holds: `heldBytes` of this share's, beside what it retains. */
  isBlockedBy(share: Share, byteLength: number, heldBytes: number): boolean {
    const isReserved = share.retainedBytes + heldBytes + byteLength <= share.reservedBytes;
    return !isReserved && heldBytes + byteLength + this.#reservedOrRetained(share) > this.maxBytes;
  }

  charge(share: Share, byteLength: number): void {
    this.#usedBytes += byteLength;
    this.#unusedReservedBytes -= unused(share);
    share.usedBytes += byteLength;
    this.#unusedReservedBytes += unused(share);
  }

  discharge(share: Share, byteLength: number): void {
    this.charge(share, -byteLength);
    this.#forgetEmpty(share);
  }

  #forgetEmpty(share: Share): void {
    if (share.isClosed && share.usedBytes === 0) this.#shares.delete(share);
  }

  #retained(): number {
    let sum = 0;
    for (const share of this.#shares) sum += share.retainedBytes;
    return sum;
  }

  /** What waiting brings back to nobody but its owner; of `self` only what it retains. */
  #reservedOrRetained(self?: Share): number {
    let sum = 0;
    for (const share of this.#shares)
      sum += share === self ? share.retainedBytes : Math.max(share.reservedBytes, share.retainedBytes);
    return sum;
  }
}

const unused = ({ reservedBytes, usedBytes }: Share): number => Math.max(0, reservedBytes - usedBytes);

import { ArrowlabError } from '../errors.js';
import type { Mapping } from '../native.js';
import { PAGE_BYTES } from '../region/index.js';
import type { Frame } from '../wire/index.js';
import { LeasedMessage } from './incoming.js';

const PAGE = BigInt(PAGE_BYTES);

/** The leases of one peer's region that this side holds. */
export class Holdings {
  readonly mapping: Mapping;
  readonly #release: (lease: bigint) => void;
  #lastLease = 0n;
  #count = 0;
  #isPeerGone = false;

  /** `release` is called with each lease that is needed no more. */
  constructor(mapping: Mapping, release: (lease: bigint) => void) {
    this.mapping = mapping;
    this.#release = release;
  }

  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The message that a DESCRIPTOR names, under its lease. Throws SEQUENCE, EXTENT_BOUNDS. */
  lease({ lease, offset, length }: Frame & { type: 'DESCRIPTOR' }): LeasedMessage {
    const { mapping } = this;
    if (lease <= this.#lastLease)
      throw new ArrowlabError('SEQUENCE', `expected a lease greater than ${this.#lastLease}, found ${lease}`);
    if (offset % PAGE !== 0n || length < 8n || offset + length > BigInt(mapping.byteLength))
      throw new ArrowlabError(
        'EXTENT_BOUNDS',
        `expected an extent of 8 bytes or more at a multiple of 4,096 inside the region of ${mapping.byteLength} bytes, found offset ${offset}, length ${length}`,
      );
    this.#lastLease = lease;
    this.#count++;
    return new LeasedMessage(mapping, Number(offset), Number(length), () => {
      this.#count--;
      this.#release(lease);
      this.#closeUnused();
    });
  }

  /** No more leases come; what is held can still be read, and the map goes with the last of it. */
  peerGone(): void {
    this.#isPeerGone = true;
    this.#closeUnused();
  }

  #closeUnused(): void {
    if (this.#isPeerGone && this.isEmpty) this.mapping.close();
  }
}

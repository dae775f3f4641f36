import { Ranges } from './ranges.js';

/** A page, in bytes: no two extents share one. */
export const PAGE_BYTES = 4096;

/** Rounds up to whole pages. */
export const wholePages = (byteLength: number): number => Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES;

/** A place for an extent: its first `warmBytes` bytes are resident already, the others cost a first touch. */
export interface Place {
  offset: number;
  byteLength: number;
  warmBytes: number;
}

/**
 * Decides which pages of a region an extent gets. Prefers warm pages, since touching a page for the first time costs
 * eight times what writing it costs. Knows nothing of leases or limits; the caller keeps those.
 */
export class Allocator {
  readonly #warm = new Ranges();
  readonly #cold = new Ranges();

  /** @param byteLength the region's size in bytes, whole pages. */
  constructor(byteLength: number) {
    this.#cold.add(0, byteLength);
  }

  /** Bytes that are resident and free. */
  get warmBytes(): number {
    return this.#warm.byteLength;
  }

  /** Takes `byteLength` bytes (whole pages); undefined when the region has no such range left. */
  take(byteLength: number): Place | undefined {
    const warm = this.#warm.takeBestFit(byteLength);
    if (warm !== undefined) return { offset: warm, byteLength, warmBytes: byteLength };
    return this.#takeGrown(byteLength) ?? this.#takeCold(byteLength);
  }

  /** Gives a place back; its pages stay resident. */
  give(place: { offset: number; byteLength: number }): void {
    this.#warm.add(place.offset, place.byteLength);
  }

  /** Turns up to `byteLength` warm bytes cold; the caller gives the pages of the ranges back to the system. */
  cool(byteLength: number): { offset: number; byteLength: number }[] {
    const cooled: { offset: number; byteLength: number }[] = [];
    for (let left = byteLength; left > 0; ) {
      const range = this.#warm.takeLast(left);
      if (!range) break;
      left -= range.byteLength;
      this.#cold.add(range.offset, range.byteLength);
      cooled.push(range);
    }
    return cooled;
  }

  /** The largest warm range that cold pages follow directly, grown by these. */
  #takeGrown(byteLength: number): Place | undefined {
    const candidates = [...this.#warm].sort((a, b) => b.byteLength - a.byteLength);
    for (const { offset, byteLength: warmBytes } of candidates) {
      if (!this.#cold.takeAt(offset + warmBytes, byteLength - warmBytes)) continue;
      this.#warm.takeAt(offset, warmBytes);
      return { offset, byteLength, warmBytes };
    }
    return undefined;
  }

  #takeCold(byteLength: number): Place | undefined {
    const offset = this.#cold.takeFirstFit(byteLength);
    return offset === undefined ? undefined : { offset, byteLength, warmBytes: 0 };
  }
}

/** Free byte ranges of a region, sorted by offset, neighbours joined. */
export class Ranges {
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  #byteLength = 0;

  /** The sum of all ranges, in bytes. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds `[offset, offset + byteLength)`, which overlaps nothing that is here. */
  add(offset: number, byteLength: number): void {
    const at = this.#indexFrom(offset);
    this.#byteLength += byteLength;
    const joinsPrevious = at > 0 && this.#offsets[at - 1]! + this.#lengths[at - 1]! === offset;
    const joinsNext = at < this.#offsets.length && offset + byteLength === this.#offsets[at];
    if (joinsPrevious) {
      this.#lengths[at - 1]! += byteLength;
      if (joinsNext) {
        this.#lengths[at - 1]! += this.#lengths[at]!;
        this.#remove(at);
      }
    } else if (joinsNext) {
      this.#offsets[at] = offset;
      this.#lengths[at]! += byteLength;
    } else {
      this.#offsets.splice(at, 0, offset);
      this.#lengths.splice(at, 0, byteLength);
    }
  }

  /** Takes `byteLength` bytes from the smallest range that has them; undefined when none has. */
  takeBestFit(byteLength: number): number | undefined {
    let best = -1;
    for (let i = 0; i < this.#lengths.length; i++) {
      const length = this.#lengths[i]!;
      if (length >= byteLength && (best < 0 || length < this.#lengths[best]!)) best = i;
    }
    return best < 0 ? undefined : this.#takeFrom(best, byteLength);
  }

  /** Takes `byteLength` bytes from the first range that has them; undefined when none has. */
  takeFirstFit(byteLength: number): number | undefined {
    const first = this.#lengths.findIndex((length) => length >= byteLength);
    return first < 0 ? undefined : this.#takeFrom(first, byteLength);
  }

  /** Takes exactly `byteLength` bytes at `offset` when a range begins there and has them. */
  takeAt(offset: number, byteLength: number): boolean {
    const at = this.#indexFrom(offset);
    if (this.#offsets[at] !== offset || this.#lengths[at]! < byteLength) return false;
    this.#takeFrom(at, byteLength);
    return true;
  }

  /** Takes up to `byteLength` bytes off the end of the last range. */
  takeLast(byteLength: number): { offset: number; byteLength: number } | undefined {
    const last = this.#offsets.length - 1;
    if (last < 0) return undefined;
    const taken = Math.min(byteLength, this.#lengths[last]!);
    this.#lengths[last]! -= taken;
    this.#byteLength -= taken;
    const offset = this.#offsets[last]! + this.#lengths[last]!;
    if (this.#lengths[last] === 0) this.#remove(last);
    return { offset, byteLength: taken };
  }

  *[Symbol.iterator](): Iterator<{ offset: number; byteLength: number }> {
    for (let i = 0; i < this.#offsets.length; i++) yield { offset: this.#offsets[i]!, byteLength: this.#lengths[i]! };
  }

  #takeFrom(at: number, byteLength: number): number {
    const offset = this.#offsets[at]!;
    this.#byteLength -= byteLength;
    if (this.#lengths[at] === byteLength) this.#remove(at);
    else {
      this.#offsets[at] = offset + byteLength;
      this.#lengths[at]! -= byteLength;
    }
    return offset;
  }

  #remove(at: number): void {
    this.#offsets.splice(at, 1);
    this.#lengths.splice(at, 1);
  }

  /** The index of the first range at or after `offset`. */
  #indexFrom(offset: number): number {
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

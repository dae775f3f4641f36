import type { Cell } from './cell.js';
import type { SpecialContent } from './plan.js';
import type { SpecialReader } from './special.js';
import {
  END_GROUP,
  endGroup,
  HIGH,
  LOW,
  Malformed,
  POSITION,
  RECURSION_LIMIT,
  skip,
  state,
  tag,
  truncated,
  UNKNOWN,
  varint32,
  varint64,
} from './wire.js';

/** Of google.protobuf.Timestamp: the years 1 to 9999. */
const TIMESTAMP_SECONDS = { least: -62_135_596_800, most: 253_402_300_799 };
/** Of google.protobuf.Duration: 10,000 years either way. */
const DURATION_SECONDS = { least: -315_576_000_000, most: 315_576_000_000 };
const WORD = 2 ** 32;

/** Seconds and nanoseconds to one number of 64 bits. What is finer than the unit is cut off towards the past. */
export class TimeReader implements SpecialReader {
  readonly #cell: Cell;
  readonly #isDuration: boolean;
  readonly #unitsPerSecond: number;
  readonly #groupsLeft: number;
  #secondsLow = 0;
  #secondsHigh = 0;
  #nanos = 0;

  constructor({ kind, unitsPerSecond, depth }: SpecialContent, cell: Cell) {
    this.#cell = cell;
    this.#isDuration = kind === 'duration';
    this.#unitsPerSecond = unitsPerSecond;
    this.#groupsLeft = RECURSION_LIMIT - depth;
  }

  begin(): void {
    this.#secondsLow = 0;
    this.#secondsHigh = 0;
    this.#nanos = 0;
  }

  read(bytes: Uint8Array, start: number, end: number, row: number): number {
    let position = start;
    while (position < end) {
      const tagValue = tag(bytes, position);
      position = this.#field(bytes, state[POSITION]!, tagValue);
    }
    this.#store(start, row);
    return position;
  }

  readGroup(bytes: Uint8Array, start: number, group: number, row: number): number {
    let position = start;
    for (;;) {
      if (position >= bytes.length) truncated(bytes, position);
      const tagValue = tag(bytes, position);
      if ((tagValue & 7) === END_GROUP) {
        endGroup(position, tagValue, group);
        position = state[POSITION]!;
        this.#store(start, row);
        return position;
      }
      position = this.#field(bytes, state[POSITION]!, tagValue);
    }
  }

  #field(bytes: Uint8Array, position: number, tagValue: number): number {
    switch (tagValue >>> 3) {
      case 1:
        varint64(bytes, position);
        this.#secondsLow = state[LOW]!;
        this.#secondsHigh = state[HIGH]!;
        return state[POSITION]!;
      case 2:
        this.#nanos = varint32(bytes, position) | 0;
        return state[POSITION]!;
      default:
        state[UNKNOWN]!++;
        return skip(bytes, position, tagValue, this.#groupsLeft);
    }
  }

  #store(start: number, row: number): void {
    const seconds = this.#secondsHigh * WORD + (this.#secondsLow >>> 0);
    const nanos = this.#nanos;
    this.#check(start, seconds, nanos);
    const units = this.#unitsPerSecond;
    // In parts of which each is exact: the seconds' upper bits, then the lower 20 and what the nanoseconds add.
    const upper = Math.floor(seconds / 2 ** 20) * units;
    const lower = (seconds - Math.floor(seconds / 2 ** 20) * 2 ** 20) * units + Math.floor(nanos / (1e9 / units));
    const lowest = (upper - Math.floor(upper / 4096) * 4096) * 2 ** 20 + lower;
    const high = Math.floor(upper / 4096) + Math.floor(lowest / WORD);
    if (high < -(2 ** 31) || high >= 2 ** 31) {
      throw new Malformed(start, 'a time that 64 bits of its unit can tell', `${seconds} seconds`);
    }
    const { words } = this.#cell;
    words[2 * row] = lowest - Math.floor(lowest / WORD) * WORD;
    words[2 * row + 1] = high;
  }

  #check(start: number, seconds: number, nanos: number): void {
    const { least, most } = this.#isDuration ? DURATION_SECONDS : TIMESTAMP_SECONDS;
    if (!(seconds >= least && seconds <= most)) {
      throw new Malformed(start, `seconds from ${least} to ${most}`, String(seconds));
    }
    const isInRange = this.#isDuration ? Math.abs(nanos) < 1e9 : nanos >= 0 && nanos < 1e9;
    if (!isInRange) throw new Malformed(start, 'nanoseconds of less than a second', String(nanos));
    if (this.#isDuration && seconds * nanos < 0)
      throw new Malformed(start, 'nanoseconds with the sign of the seconds', String(nanos));
  }
}

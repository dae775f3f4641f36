import { ArrowlabError } from '../errors.js';
import { awaitNative, callNative, type Region as NativeRegion } from '../native.js';
import { Allocator, type Place, wholePages } from './allocator.js';
import { Budget, type Share, type ShareOptions } from './budget.js';
import { Extent } from './extent.js';
import { defaultMaxBytes, parseByteLength } from './limits.js';
import { startTimer } from './timer.js';
import { WaitQueue, type Wish } from './wait-queue.js';

export interface RegionOptions {
  /** Resident bytes at most: a number or a text like "2GiB". Default: the smaller of 2 GiB and half of the memory available. */
  maxBytes?: number | string | undefined;
  /** How long a writer waits for memory, in milliseconds. Default 30,000. */
  waitTimeoutMs?: number | undefined;
  /** After how many milliseconds without a write idle pages go back to the system. Default 10,000. */
  idleMs?: number | undefined;
}

export interface RegionStats {
  /** What the system says the region occupies, in bytes. */
  residentBytes: number;
  maxBytes: number;
  /** Bytes of extents in use, each counted once. */
  usedBytes: number;
  /** Bytes that are free and resident. */
  warmBytes: number;
  /** Bytes by holder (peer and stream, writer, or retaining stream); an extent with several holders counts for each. */
  heldBytes: Record<string, number>;
  /** Writers that wait for memory. */
  waiting: { holder: string; byteLength: number; sinceMs: number }[];
}

type Granted = { extent: Extent; coldFrom: number };

/** From 64 GiB down to one page, which is enough for whoever only reads. */
const SIZES = [36, 34, 32, 30, 26, 20, 12].map((bits) => 2 ** bits);
/** Below this, touching pages on the event loop costs less than a trip to a worker thread. */
const POPULATE_FROM_BYTES = 256 * 1024;

/** Maps as much address space, and as large a file, as the system gives, largest first. */
function mapLargest(): NativeRegion {
  for (const byteLength of SIZES) {
    try {
      return callNative((addon) => new addon.Region(byteLength));
    } catch (error) {
      if ((error as ArrowlabError).code !== 'ERR_ARROWLAB_ADDRESS_SPACE' || byteLength === SIZES.at(-1)) throw error;
    }
  }
  throw new Error('unreachable');
}

/** One's own region: hands out extents, keeps the memory limit, lets writers wait, gives idle memory back. */
export class Region {
  readonly native: NativeRegion;
  readonly maxBytes: number;

  readonly #allocator: Allocator;
  readonly #extents = new Set<Extent>();
  readonly #budget: Budget;
  readonly #waiting: WaitQueue<Granted>;
  readonly #idleMs: number;
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: RegionOptions = {}) {
    const wanted = options.maxBytes === undefined ? defaultMaxBytes() : parseByteLength(options.maxBytes, 'maxBytes');
    const waitTimeoutMs = options.waitTimeoutMs ?? 30_000;
    this.#waiting = new WaitQueue(
      waitTimeoutMs,
      (wish, isFirst) => this.#grant(wish, isFirst),
      (wish) => this.#timedOut(wish, waitTimeoutMs),
    );
    this.#idleMs = options.idleMs ?? 10_000;
    this.native = mapLargest();
    this.maxBytes = Math.min(wanted, this.native.byteLength);
    this.#budget = new Budget(this.maxBytes);
    this.#allocator = new Allocator(this.native.byteLength);
  }

  /** A stream's share of this region; as `Budget.open` has it. Throws MEMORY_LIMIT. */
  openShare(name: string, options?: ShareOptions): Share {
    return this.#budget.open(name, options);
  }

  /** The stream writes nothing more: what it reserved can be used by others, and a write of it that waits fails with CLOSED. */
  closeShare(share: Share): void {
    this.#budget.close(share);
    const found = `found ${share.name} ended while a write waited for memory`;
    this.#waiting.fail(new ArrowlabError('CLOSED', `expected an open stream, ${found}`), share);
  }

  /** Whether a message could not be written although everybody gave back all but what somebody holds: `heldBytes` of this share's, beside what it retains. */
  isBlockedBy(share: Share, byteLength: number, heldBytes: number): boolean {
    return this.#budget.isBlockedBy(share, wholePages(byteLength), heldBytes);
  }

  /**
   * An extent of `byteLength` bytes, page-aligned, its pages resident; waits while `maxBytes` is used up or reserved for other streams.
   * The caller owns it as `writer` until it calls `extent.drop(writer)`. Contents are whatever was there before.
   * Throws MEMORY_LIMIT (never fits), TIMEOUT (naming who holds what), ABORTED, CLOSED.
   */
  async allocate(wish: Wish): Promise<Extent> {
    this.#check(wish);
    const { extent, coldFrom } = await this.#waiting.take(wish);
    const coldBytes = extent.capacity - coldFrom;
    if (coldBytes >= POPULATE_FROM_BYTES) {
      try {
        await awaitNative(() => this.native.populate(extent.offset + coldFrom, coldBytes));
      } catch (error) {
        extent.drop(wish.writer);
        throw error;
      }
    }
    return extent;
  }

  /** As `allocate` without waiting: undefined where it would wait. Pages that were never used become resident when they are written. */
  allocateNow(wish: Wish): Extent | undefined {
    this.#check(wish);
    return this.#waiting.takeNow(wish)?.extent;
  }

  /** Takes an extent's pages back; `Extent.drop` calls it. */
  take(extent: Extent): void {
    if (!this.#extents.delete(extent) || this.#isClosed) return;
    this.#budget.discharge(extent.share, extent.capacity);
    this.#allocator.give({ offset: extent.offset, byteLength: extent.capacity });
    this.#waiting.serve();
    this.#watchIdleness();
  }

  /** Who keeps how many bytes, and the first since when; who has most comes first. An extent with several holders counts for each. */
  holders(): { holder: string; byteLength: number; sinceMs: number }[] {
    const found = new Map<string, { holder: string; byteLength: number; sinceMs: number; last?: Extent }>();
    for (const extent of this.#extents)
      for (const { holder, sinceMs } of extent.holders) {
        const held = found.get(holder) ?? { holder, byteLength: 0, sinceMs };
        found.set(holder, held);
        held.sinceMs = Math.min(held.sinceMs, sinceMs);
        if (held.last !== extent) held.byteLength += extent.capacity;
        held.last = extent;
      }
    return [...found.values()]
      .map(({ last: _, ...held }) => held)
      .sort((one, other) => other.byteLength - one.byteLength);
  }

  stats(): RegionStats {
    return {
      residentBytes: callNative(() => this.native.residentBytes()),
      maxBytes: this.maxBytes,
      usedBytes: this.#budget.usedBytes,
      warmBytes: this.#allocator.warmBytes,
      heldBytes: Object.fromEntries(this.holders().map(({ holder, byteLength }) => [holder, byteLength])),
      waiting: this.#waiting.list(),
    };
  }

  /** Lets the memory go; peers that have it mapped keep what they lease. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#waiting.fail(new ArrowlabError('CLOSED', 'expected an open region, found it closed while a write waited'));
    this.native.close();
  }

  #check({ signal, share, byteLength }: Wish): void {
    if (this.#isClosed) throw new ArrowlabError('CLOSED', 'expected an open region, found it closed');
    ArrowlabError.throwIfAborted(signal, 'the write');
    this.#budget.checkPossible(share, wholePages(byteLength));
  }

  #grant({ byteLength, writer, share }: Wish, isFirst: boolean): Granted | undefined {
    const capacity = wholePages(byteLength);
    if (this.#isClosed || !this.#budget.admits(share, capacity, isFirst)) return undefined;
    const place = this.#allocator.take(capacity) ?? this.#takeAllCold(capacity);
    if (!place) return undefined;
    this.#budget.charge(share, capacity);
    this.#punch(this.#budget.usedBytes + this.#allocator.warmBytes - this.maxBytes);
    const extent = new Extent(this, place.offset, byteLength, capacity, share, writer);
    this.#extents.add(extent);
    return { extent, coldFrom: place.warmBytes };
  }

  /** Warm ranges lie between the cold ones: once all are cold they are one again. */
  #takeAllCold(capacity: number): Place | undefined {
    this.#punch(this.#allocator.warmBytes);
    return this.#allocator.take(capacity);
  }

  #timedOut({ byteLength }: Wish, waitTimeoutMs: number): ArrowlabError {
    const held = this.holders().map(
      ({ holder, byteLength, sinceMs }) =>
        `${holder} holds ${byteLength} bytes, for ${Math.round((performance.now() - sinceMs) / 1000)} s`,
    );
    return new ArrowlabError(
      'TIMEOUT',
      `expected ${byteLength} bytes to come free within ${waitTimeoutMs / 1000} s, found ${this.#budget.usedBytes} of maxBytes = ${this.maxBytes} in use (${held.join('; ')}): release batches earlier or raise maxBytes`,
    );
  }

  #punch(byteLength: number): void {
    if (byteLength > 0)
      for (const range of this.#allocator.cool(byteLength))
        callNative(() => this.native.punch(range.offset, range.byteLength));
  }

  #watchIdleness(): void {
    if (this.#idleTimer) this.#idleTimer.refresh();
    else this.#idleTimer = startTimer(() => this.#punch(this.#allocator.warmBytes), this.#idleMs)?.unref();
  }
}

import { ArrowlabError } from '../errors.js';
import type { OutgoingMessage } from '../ipc/index.js';
import { type Extent, type Holder, parseByteLength, type Share, type Wish } from '../region/index.js';
import { Audience } from './audience.js';
import { Breather } from './breather.js';
import type { Endpoint } from './endpoint.js';
import type { Outlet } from './outlet.js';
import { PlacedMessage } from './placed.js';
import { oneOf, type PublishOptions } from './publish-options.js';
import { Replay, type Retention } from './replay.js';
import type { StreamStatus, WaitStatus } from './status.js';
import { Turns } from './turns.js';

/** The way of one stream's messages into the region and to its subscribers: each is written once, one after the other. */
export class Broadcast implements Holder {
  readonly holder: string;
  readonly sinceMs = performance.now();
  /** Record batches sent so far. */
  batches = 0;
  /** Rows of these. */
  rows = 0;
  /** Bytes of all messages sent so far. */
  writtenBytes = 0;
  /** Of these, bytes of batches that were built in place. */
  inPlaceBytes = 0;
  /** Subscribers that were sent all of it, and are gone having released it or said goodbye. */
  readers = 0;

  /** Called when the stream ends otherwise than by `end`. */
  onFailed: (() => void) | undefined;

  readonly #endpoint: Endpoint;
  readonly #retain: Retention;
  readonly #slow: NonNullable<PublishOptions['slow']>;
  readonly #audience = new Audience();
  readonly #share: Share;
  readonly #replay: Replay;
  readonly #breather = new Breather();
  readonly #turns = new Turns();
  #ending: { error: ArrowlabError | undefined } | undefined;

  /** Throws INVALID_ARGUMENT, MEMORY_LIMIT. */
  constructor(
    endpoint: Endpoint,
    readonly name: string,
    options: PublishOptions,
  ) {
    this.#endpoint = endpoint;
    this.#retain = oneOf('retain', options.retain ?? 'none', ['none', 'latest', 'all']);
    this.#slow = oneOf('slow', options.slow ?? 'block', ['block', 'drop']);
    this.holder = `stream ${JSON.stringify(name)}`;
    const { reserveBytes } = options;
    this.#share = endpoint.region.openShare(this.holder, {
      reservedBytes: reserveBytes === undefined ? undefined : parseByteLength(reserveBytes, 'reserveBytes'),
      isRetaining: this.#retain !== 'none',
    });
    this.#replay = new Replay(this.#retain, this, this.#share);
  }

  get isEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Whether nothing was sent that a late subscriber would need. */
  get isFresh(): boolean {
    return this.#replay.isEmpty;
  }

  get subscribers(): number {
    return this.#audience.size;
  }

  /** Works happen one after the other, in the order they were asked for; none after the end. `signal` gives up waiting for the turn. Throws CLOSED, ABORTED. */
  inTurn(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    const workIfOpen = (): Promise<void> => {
      this.checkOpen();
      return work();
    };
    return this.#turns.take(workIfOpen, `the write to ${this.holder}`, signal);
  }

  /** Waits for the first subscriber, unless late ones get what is written now. Throws ABORTED, CLOSED. */
  async subscribed(signal?: AbortSignal): Promise<void> {
    if (this.#retain !== 'none') return;
    await this.#audience.first(signal, `the write to ${this.holder}`);
    this.checkOpen();
  }

  /** Writes a message and sends it: one copy. Waits for room and memory. Throws what `Region.allocate` and the message's source throw, and CLOSED. */
  async emit(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    await this.#ready(signal);
    const wish = this.#wish(message.byteLength, signal);
    const placed = await PlacedMessage.place(message, this.#endpoint.region, this.#endpoint.inlineBelow, wish);
    this.#send(placed, message.rows, wish.writer);
  }

  /** Writes a batch where there is room for it now, to be sent later; undefined where there is none. Whoever asked drops it. */
  placeNow(message: OutgoingMessage): { send(): Promise<void>; drop(): void } | undefined {
    this.checkOpen();
    const wish = this.#wish(message.byteLength, undefined);
    const placed = PlacedMessage.placeNow(message, this.#endpoint.region, this.#endpoint.inlineBelow, wish);
    if (!placed) return undefined;
    return {
      send: () => this.#emitPlaced(placed, message.rows, wish.writer),
      drop: () => placed.drop(wish.writer),
    };
  }

  /** Sends a batch that lies in an extent already, which `writer` holds and lets go by this, also where it fails. Throws ABORTED, CLOSED. */
  async emitInPlace(
    extent: Extent,
    byteLength: number,
    rows: number,
    writer: Holder,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#emitPlaced(PlacedMessage.inPlace(extent, byteLength), rows, writer, signal);
    this.inPlaceBytes += byteLength;
  }

  /** Memory for a batch that is not written yet; waits for it. The caller owns it as `writer`. Throws what `Region.allocate` throws, and CLOSED. */
  allocate(byteLength: number, writer: Holder, signal?: AbortSignal): Promise<Extent> {
    this.checkOpen();
    return this.#endpoint.region.allocate(this.#wish(byteLength, signal, writer));
  }

  /** The same without waiting: undefined where it would wait. */
  allocateNow(byteLength: number, writer: Holder): Extent | undefined {
    this.checkOpen();
    return this.#endpoint.region.allocateNow(this.#wish(byteLength, undefined, writer));
  }

  /** Bytes of a message at most, alignment of its buffers not counted. */
  get maxMessageBytes(): number {
    return this.#endpoint.region.maxBytes;
  }

  /** Bytes of a batch of rows at most: two of them fit into what a stream reserves by default. */
  get maxDraftBytes(): number {
    return this.#endpoint.region.maxBytes / 32;
  }

  /** Whether a message of so many bytes goes through the region. */
  isForRegion(byteLength: number): boolean {
    return byteLength >= this.#endpoint.inlineBelow;
  }

  /** Ends the stream after what was asked for before. Resolves when every subscriber has been sent its end. */
  async end(last: () => Promise<void>): Promise<void> {
    await this.inTurn(async () => {
      await last();
      this.checkOpen(); // it may have failed meanwhile
      this.#endWith(undefined);
    });
    await this.#audience.room();
  }

  /** Ends the stream at once: subscribers get the error. What waits gives up. */
  async fail(error: ArrowlabError): Promise<void> {
    this.checkOpen();
    this.#endWith(error);
    await this.#turns.last;
    await this.#audience.room();
  }

  /** A subscriber has come: it gets what is retained, then what is written. */
  attach(outlet: Outlet): void {
    outlet.broadcast = this;
    outlet.open(this.#share.reservedBytes);
    this.#audience.add(outlet);
    for (const message of this.#replay) outlet.offer(message);
    if (this.#ending) outlet.end(this.#ending.error);
  }

  detach(outlet: Outlet): void {
    this.#audience.remove(outlet);
  }

  /** Whether a write of `needed` bytes could not go on although everybody gave back all but what somebody holds: `heldBytes`, beside what is retained. */
  isBlockedBy(heldBytes: number, needed: number): boolean {
    return this.#endpoint.region.isBlockedBy(this.#share, needed, heldBytes);
  }

  status(): StreamStatus {
    const { name, batches, rows, writtenBytes, inPlaceBytes, isEnded, subscribers, readers } = this;
    const { usedBytes, retainedBytes, reservedBytes } = this.#share;
    return {
      ...{ name, batches, rows, writtenBytes, inPlaceBytes, isEnded, subscribers, readers },
      ...{ retain: this.#retain, slow: this.#slow },
      ...{ droppedBatches: this.#audience.droppedBatches, usedBytes, retainedBytes, reservedBytes },
    };
  }

  /** Waits of its writers that are not for memory. */
  waits(): WaitStatus[] {
    return this.#audience.waits(`writer of ${this.holder}`);
  }

  /** The name is taken away: nothing is retained any more, and a stream that has not ended fails. */
  retire(): void {
    if (!this.#ending)
      this.#endWith(new ArrowlabError('PRODUCER_GONE', `${this.holder} was unpublished before its end`));
    this.#replay.clear();
  }

  /** Throws CLOSED. */
  checkOpen(): void {
    if (this.#ending) throw new ArrowlabError('CLOSED', `expected an open stream, found ${this.holder} ended`);
  }

  /** `writer` holds the message, and lets it go by this, also where it fails. */
  async #emitPlaced(placed: PlacedMessage, rows: number, writer: Holder, signal?: AbortSignal): Promise<void> {
    try {
      await this.#ready(signal);
    } catch (error) {
      placed.drop(writer);
      throw error;
    }
    this.#send(placed, rows, writer);
  }

  async #ready(signal: AbortSignal | undefined): Promise<void> {
    await this.#breather.breathe();
    if (this.#slow === 'block') await this.#audience.room(signal);
    this.checkOpen();
    ArrowlabError.throwIfAborted(signal, `the write to ${this.holder}`);
  }

  #wish(byteLength: number, signal: AbortSignal | undefined, writer = this.#newWriter()): Wish {
    return {
      byteLength,
      writer,
      share: this.#share,
      signal,
      onWaiting: ({ waitedMs }) => this.#endpoint.writeWaits(this, byteLength, waitedMs),
    };
  }

  #newWriter(): Holder {
    return { holder: `writer of ${this.holder}`, sinceMs: performance.now() };
  }

  #send(placed: PlacedMessage, rows: number, writer: Holder): void {
    try {
      this.checkOpen();
      this.#checkRetained(placed);
    } catch (error) {
      placed.drop(writer);
      throw error;
    }
    this.writtenBytes += placed.byteLength;
    if (placed.kind === 'batch') {
      this.batches++;
      this.rows += rows;
    }
    this.#audience.offer(placed, this.#slow === 'drop');
    this.#replay.remember(placed);
    placed.drop(writer);
  }

  /** What is kept for ever is bounded on the heap too. */
  #checkRetained({ inlineBytes }: PlacedMessage): void {
    const { maxBytes } = this.#endpoint.region;
    if (this.#retain !== 'all' || this.#replay.inlineBytes + inlineBytes <= maxBytes) return;
    throw new ArrowlabError(
      'MEMORY_LIMIT',
      `expected small messages that ${this.holder} retains within maxBytes = ${maxBytes}, found more: raise maxBytes or retain less`,
    );
  }

  #endWith(error: ArrowlabError | undefined): void {
    this.#ending = { error };
    if (error) this.onFailed?.();
    this.#endpoint.region.closeShare(this.#share);
    this.#audience.end(error);
  }
}

import { channel } from 'node:diagnostics_channel';
import { ArrowlabError } from '../errors.js';
import type { Holder } from '../region/index.js';
import type { Broadcast } from './broadcast.js';
import { MAX_LEASES } from './ledger.js';
import type { PlacedMessage } from './placed.js';
import type { ProducerSide } from './producer-side.js';
import { type SubscriptionStatus, since } from './status.js';

/** For measurements: just before a message is sent, `{ pid, stream, sequence, kind }`. */
const sending = channel('arrowlab:sending');
/** Credit that may be outstanding at most (PROTOCOL.md, section 5). */
const MAX_CREDIT = 65_535;

type Ending = { error: ArrowlabError | undefined };

/** The producer's side of one peer's subscription: sends what it is offered as far as the peer's credit goes. */
export class Outlet implements Holder {
  readonly holder: string;
  readonly peerLabel: string;
  readonly sinceMs = performance.now();
  /** Batches that were left out because the peer was slow and the stream's policy is 'drop'. */
  droppedBatches = 0;

  readonly #side: ProducerSide;
  #credit = 0;
  #sequence = 0n;
  #queue: PlacedMessage[] = [];
  #ending: Ending | undefined;
  #isOpen = false;
  #isClosed = false;
  /** Since when a writer waits for room here. */
  #awaitedSinceMs: number | undefined;
  #roomWaiters: (() => void)[] = [];
  /** The stream, once its name is published; also when that has been taken away. */
  broadcast: Broadcast | undefined;
  /** Whether everything has been sent, up to the stream's end. */
  isComplete = false;
  /** Called once, when the peer wants nothing more. */
  onClosed: (() => void) | undefined;

  constructor(
    side: ProducerSide,
    readonly stream: number,
    readonly name: string,
  ) {
    this.#side = side;
    this.peerLabel = side.label;
    this.holder = `queue for ${side.label}, stream ${JSON.stringify(name)}`;
  }

  get awaitedSinceMs(): number | undefined {
    return this.#awaitedSinceMs;
  }

  status(): Omit<SubscriptionStatus, 'connection'> {
    return {
      stream: this.name,
      state: this.#isOpen ? 'open' : 'unpublished',
      forMs: since(this.sinceMs),
      credit: this.#credit,
      queuedMessages: this.#queue.length,
      droppedBatches: this.droppedBatches,
    };
  }

  /** The name is published: messages may follow. `reservation` in bytes. */
  open(reservation: number): void {
    this.#isOpen = true;
    this.#side.send({ type: 'OPEN', stream: this.stream, reservation: BigInt(reservation) });
  }

  /** Sends the message now or when there is credit. With `mayDrop`, a batch for which there is no credit is left out. */
  offer(message: PlacedMessage, mayDrop = false): void {
    if (this.#isClosed) return;
    if (mayDrop && message.kind === 'batch' && (this.#queue.length > 0 || this.#credit === 0)) {
      this.droppedBatches++;
      return;
    }
    if (mayDrop) this.#dropSuperseded(message);
    message.hold(this);
    this.#queue.push(message);
    this.#pump();
  }

  /** A whole dictionary takes the place of what waits of the same one, as no batch in between needs that. */
  #dropSuperseded({ kind, isDelta, dictionaryId }: PlacedMessage): void {
    if (kind !== 'dictionary' || isDelta || this.#queue.some((waiting) => waiting.kind === 'batch')) return;
    const isSuperseded = (waiting: PlacedMessage): boolean => waiting.dictionaryId === dictionaryId;
    for (const waiting of this.#queue.filter(isSuperseded)) waiting.drop(this);
    this.#queue = this.#queue.filter((waiting) => !isSuperseded(waiting));
  }

  /** More credit from the peer. Throws CREDIT_EXCEEDED. */
  grant(messages: number): void {
    if (this.#credit + messages > MAX_CREDIT)
      throw new ArrowlabError(
        'CREDIT_EXCEEDED',
        `expected at most ${MAX_CREDIT} messages of credit, found ${this.#credit + messages}`,
      );
    this.#credit += messages;
    this.#pump();
  }

  /** Ends the stream after what was offered; with an error, at once. */
  end(error?: ArrowlabError): void {
    if (this.#isClosed) return;
    this.#ending = { error };
    if (error) this.#dropQueue();
    this.#pump();
  }

  /** The peer wants nothing more, or is gone. Leases go on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dropQueue();
    this.#wakeRoomWaiters();
    this.onClosed?.();
  }

  /** Whether something is queued for which the peer has given no credit yet. */
  get isBehind(): boolean {
    return this.#queue.length > 0;
  }

  /** Resolves when nothing is queued any more: all was sent, or the peer is gone. */
  async room(signal?: AbortSignal): Promise<void> {
    if (!this.isBehind) return;
    ArrowlabError.throwIfAborted(signal, 'the write');
    this.#awaitedSinceMs ??= performance.now();
    await new Promise<void>((resolve, reject) => {
      const onRoom = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#roomWaiters = this.#roomWaiters.filter((waiter) => waiter !== onRoom);
        if (this.#roomWaiters.length === 0) this.#awaitedSinceMs = undefined;
        reject(ArrowlabError.aborted(signal, `the write, which waited for the ${this.holder},`));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#roomWaiters.push(onRoom);
    });
  }

  #pump(): void {
    while (this.#isOpen && this.#credit > 0 && this.#queue.length > 0) {
      if (this.#side.holdsTooMany) {
        this.end(
          new ArrowlabError(
            'LEASES_EXHAUSTED',
            `expected at most ${MAX_LEASES} leases on a connection, found more: release some, write larger batches, or connect again`,
          ),
        );
        return;
      }
      const message = this.#queue.shift()!;
      this.#credit--;
      if (sending.hasSubscribers)
        sending.publish({
          pid: this.#side.peer.pid,
          stream: this.name,
          sequence: this.#sequence,
          kind: message.kind,
        });
      this.#side.sendMessage(this, this.#sequence++, message);
      message.drop(this);
    }
    if (this.#queue.length > 0) return;
    this.#wakeRoomWaiters();
    if (!this.#ending) return;
    const { error } = this.#ending;
    if (error) this.#side.send({ type: 'ERROR', stream: this.stream, number: error.number, message: error.message });
    else this.#side.send({ type: 'END', stream: this.stream, sequence: this.#sequence });
    this.isComplete = !error;
    this.close();
  }

  #dropQueue(): void {
    for (const message of this.#queue) message.drop(this);
    this.#queue = [];
  }

  #wakeRoomWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    this.#awaitedSinceMs = undefined;
    for (const wake of waiters) wake();
  }
}

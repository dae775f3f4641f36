import type { Holder, Share } from '../region/index.js';
import type { PlacedMessage } from './placed.js';

/** What a late subscriber gets beside the schema and the live dictionaries: nothing, the last batch, or all batches. */
export type Retention = 'none' | 'latest' | 'all';

/** The messages of a stream that a late subscriber needs, in order; holds their memory. */
export class Replay {
  readonly #retention: Retention;
  readonly #holder: Holder;
  readonly #share: Share;
  #messages: PlacedMessage[] = [];
  /** Of what is kept, bytes on the heap: messages that travel inline. */
  inlineBytes = 0;
  /** Whether a dictionary has come that replaces an earlier one, which is still here. */
  #hasReplaced = false;

  /** `share`: the part of the region in which it counts what it holds. */
  constructor(retention: Retention, holder: Holder, share: Share) {
    this.#retention = retention;
    this.#holder = holder;
    this.#share = share;
  }

  [Symbol.iterator](): Iterator<PlacedMessage> {
    return this.#messages[Symbol.iterator]();
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** The stream has sent a message: keeps it where a late subscriber will need it, and lets go what it supersedes. */
  remember(message: PlacedMessage): void {
    const isKept = message.kind !== 'batch' || this.#retention !== 'none';
    if (isKept) {
      message.hold(this.#holder);
      this.#messages.push(message);
      this.#share.retainedBytes += message.regionBytes;
      this.inlineBytes += message.inlineBytes;
    }
    if (this.#retention === 'all') return;
    if (message.kind === 'dictionary' && !message.isDelta) this.#hasReplaced = true;
    // The last batch needs the dictionaries it was written with, so 'latest' forgets older ones only when the next batch is there.
    if (this.#retention === 'latest' && message.kind === 'dictionary') return;
    if (message.kind === 'batch' || this.#hasReplaced) this.#keep((one, at) => this.#isNeeded(one, at, message));
    this.#hasReplaced = false;
  }

  clear(): void {
    this.#keep(() => false);
  }

  #isNeeded(message: PlacedMessage, at: number, last: PlacedMessage): boolean {
    if (message.kind === 'batch') return message === last;
    if (message.kind === 'schema' || !this.#hasReplaced) return true;
    const isReplacedBy = (later: PlacedMessage, i: number): boolean =>
      i > at && later.kind === 'dictionary' && !later.isDelta && later.dictionaryId === message.dictionaryId;
    return !this.#messages.some(isReplacedBy);
  }

  #keep(isNeeded: (message: PlacedMessage, at: number) => boolean): void {
    const kept = this.#messages.filter(isNeeded);
    const keptSet = new Set(kept);
    for (const message of this.#messages) {
      if (keptSet.has(message)) continue;
      message.drop(this.#holder);
      this.#share.retainedBytes -= message.regionBytes;
      this.inlineBytes -= message.inlineBytes;
    }
    this.#messages = kept;
  }
}

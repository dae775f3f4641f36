import { ArrowlabError } from '../errors.js';
import type { Frame } from '../wire/index.js';
import type { Holdings } from './holdings.js';
import { type HeldMessage, InlineMessage } from './incoming.js';

/** Messages that may be on their way before the reader takes them. */
export const CREDIT_WINDOW = 64;

/** The messages of one stream that have come and are not read yet, in order, as far as the producer has credit for them. */
export class Inbox {
  readonly #stream: number;
  readonly #holdings: Holdings;
  #queue: HeldMessage[] = [];
  #sequence = 0n;
  #credit = CREDIT_WINDOW;
  #taken = 0;

  constructor(stream: number, holdings: Holdings) {
    this.#stream = stream;
    this.#holdings = holdings;
  }

  /** How many messages have come. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** The message of a frame, kept once: the caller lets it go, or gives it to `push`. Throws SEQUENCE, CREDIT_EXCEEDED, EXTENT_BOUNDS. */
  receive(frame: Frame & { type: 'DESCRIPTOR' | 'INLINE' }): HeldMessage {
    this.checkSequence(frame.sequence);
    this.#sequence++;
    if (--this.#credit < 0)
      throw new ArrowlabError(
        'CREDIT_EXCEEDED',
        `expected no message of stream ${this.#stream} without credit, found one`,
      );
    const message = frame.type === 'INLINE' ? new InlineMessage(frame.bytes) : this.#holdings.lease(frame);
    message.keep();
    return message;
  }

  push(message: HeldMessage): void {
    this.#queue.push(message);
  }

  /** The next message, which the caller lets go. */
  shift(): HeldMessage | undefined {
    return this.#queue.shift();
  }

  /** The reader has taken a message. Returns for how many more the producer is to get credit now. */
  creditDue(): number {
    if (++this.#taken < CREDIT_WINDOW / 2) return 0;
    const messages = this.#taken;
    this.#credit += messages;
    this.#taken = 0;
    return messages;
  }

  /** Throws SEQUENCE unless `sequence` is that of the message that comes next. */
  checkSequence(sequence: bigint): void {
    if (sequence !== this.#sequence)
      throw new ArrowlabError(
        'SEQUENCE',
        `expected message ${this.#sequence} of stream ${this.#stream}, found ${sequence}`,
      );
  }

  /** Lets go what nobody is going to read. */
  clear(): void {
    for (const message of this.#queue.splice(0)) message.letGo();
  }
}

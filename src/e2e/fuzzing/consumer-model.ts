import type { ErrorName } from '../../errors.js';
import type { Frame } from '../../wire/index.js';
import { CONSUMED_STREAMS, type Placed, WINDOW_MESSAGES } from './conversation.js';
import type { Model } from './expectation.js';

const MAX_CREDIT = 65_535;

interface Stream {
  state: 'requested' | 'open' | 'closed';
  messages: number;
}

/** A consumer that has subscribed to `CONSUMED_STREAMS`, publishes nothing, and subscribes again where a stream ends. */
export class ConsumerModel implements Model {
  readonly sideErrors: ErrorName[] = [];
  readonly #streams = new Map<number, Stream>(
    CONSUMED_STREAMS.map((stream) => [stream, { state: 'requested', messages: 0 }]),
  );
  readonly #credit = new Map<number, number>();
  #lastAsked = 0;
  #lastLease = 0n;

  constructor(
    readonly placed: readonly Placed[],
    readonly regionBytes: number,
  ) {}

  take(frame: Frame): ErrorName | 'over' | 'any' | undefined {
    switch (frame.type) {
      case 'ERROR':
        if (frame.stream === 0) return 'over';
        return this.#onStream(frame.stream, (stream) => {
          if (stream.state === 'closed') return 'STREAM_STATE';
          stream.state = 'closed';
          return undefined;
        });
      case 'CLOSING':
        return 'any'; // its readers go, and with the last of them the consumer
      case 'SUBSCRIBE':
      case 'CALL':
      case 'LIST':
        if (frame.stream <= this.#lastAsked || frame.stream % 2 === 1) return 'STREAM_STATE';
        this.#lastAsked = frame.stream;
        return frame.type === 'SUBSCRIBE' ? this.#grant(frame.stream, frame.credit) : undefined;
      case 'CREDIT':
      case 'CANCEL':
        if (frame.stream > this.#lastAsked || frame.stream % 2 === 1) return 'STREAM_STATE';
        return frame.type === 'CREDIT' ? this.#grant(frame.stream, frame.messages) : undefined;
      case 'RELEASE':
        return 'LEASE_UNKNOWN';
      case 'WAITING':
        return frame.stream === 0 ? undefined : this.#onStream(frame.stream, expectOpen);
      case 'OPEN':
        return this.#onStream(frame.stream, (stream) => {
          if (stream.state !== 'requested') return 'STREAM_STATE';
          stream.state = 'open';
          return undefined;
        });
      case 'END':
        return this.#onStream(frame.stream, (stream) => {
          if (stream.state !== 'open') return 'STREAM_STATE';
          if (frame.sequence !== BigInt(stream.messages)) return 'SEQUENCE';
          stream.state = 'closed';
          if (stream.messages === 0) this.sideErrors.push('IPC_INVALID');
          return undefined;
        });
      case 'DESCRIPTOR':
      case 'INLINE':
        return this.#onStream(frame.stream, (stream) => this.#message(frame, stream));
      case 'READY':
      case 'CANCELLED':
      case 'RESULT':
        return this.#isLater('stream' in frame ? frame.stream : 0) ? 'any' : 'STREAM_STATE';
    }
  }

  /** Credit for what it refuses to serve. Whether it counts that depends on whether it may serve at all. */
  #grant(stream: number, messages: number): 'any' | undefined {
    const credit = (this.#credit.get(stream) ?? 0) + messages;
    this.#credit.set(stream, credit);
    return credit > MAX_CREDIT ? 'any' : undefined;
  }

  #message(frame: Frame & { type: 'DESCRIPTOR' | 'INLINE' }, stream: Stream): ErrorName | 'any' | undefined {
    if (stream.state !== 'open') return 'STREAM_STATE';
    if (frame.sequence !== BigInt(stream.messages)) return 'SEQUENCE';
    if (++stream.messages > WINDOW_MESSAGES) return 'any'; // whether there is credit is up to its reader
    const isFirst = stream.messages === 1;
    if (frame.type === 'INLINE') return this.#isGood(isFirst, ({ bytes }) => Buffer.compare(bytes, frame.bytes) === 0);
    const { lease, offset, length } = frame;
    if (lease <= this.#lastLease) return 'SEQUENCE';
    if (offset % 4_096n !== 0n || length < 8n || offset + length > BigInt(this.regionBytes)) return 'EXTENT_BOUNDS';
    this.#lastLease = lease;
    const isWhole = (one: Placed): boolean => BigInt(one.offset) === offset && BigInt(one.bytes.length) === length;
    return this.#isGood(isFirst, isWhole);
  }

  /** Whether the message is one of those placed, schema first; what becomes of another depends on when its reader comes to it. */
  #isGood(isFirst: boolean, is: (placed: Placed) => boolean): 'any' | undefined {
    const [schema, ...batches] = this.placed;
    return (isFirst ? is(schema!) : batches.some(is)) ? undefined : 'any';
  }

  #onStream(number: number, take: (stream: Stream) => ErrorName | 'any' | undefined): ErrorName | 'any' | undefined {
    if (this.#isLater(number)) return 'any';
    const stream = this.#streams.get(number);
    return stream ? take(stream) : 'STREAM_STATE';
  }

  /** Whether the stream may be one that the consumer has subscribed to since. */
  #isLater(stream: number): boolean {
    const isSubscribedAgain = [...this.#streams.values()].some(({ state }) => state === 'closed');
    return isSubscribedAgain && stream % 2 === 1 && stream > Math.max(...CONSUMED_STREAMS) && stream < 2_000;
  }
}

const expectOpen = ({ state }: Stream): ErrorName | undefined => (state === 'open' ? undefined : 'STREAM_STATE');

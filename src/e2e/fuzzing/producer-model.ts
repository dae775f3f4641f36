import type { ErrorName } from '../../errors.js';
import type { Frame } from '../../wire/index.js';
import type { Model } from './expectation.js';

const MAX_CREDIT = 65_535;
const MAX_STREAMS = 1_024;

interface Outlet {
  /** Messages that are left to send; Infinity where nobody publishes the name. */
  left: number;
  credit: number;
}

/** A server that publishes ended streams, by the number of their messages; each message travels under a lease. */
export class ProducerModel implements Model {
  readonly sideErrors: ErrorName[] = [];
  readonly #outlets = new Map<number, Outlet>();
  readonly #held = new Set<bigint>();
  #lastLease = 0n;
  #lastStream = -1;
  #isClosing = false;

  constructor(readonly published: ReadonlyMap<string, number>) {}

  take(frame: Frame): ErrorName | 'over' | 'any' | undefined {
    if (this.#isClosing && frame.type !== 'RELEASE' && !(frame.type === 'ERROR' && frame.stream === 0))
      return 'STREAM_STATE';
    switch (frame.type) {
      case 'ERROR':
        return frame.stream === 0 ? 'over' : 'STREAM_STATE';
      case 'CLOSING':
        this.#isClosing = true;
        this.#outlets.clear();
        return undefined;
      case 'SUBSCRIBE':
        return this.#open(frame.stream) ?? this.#subscribe(frame.stream, frame.name, frame.credit);
      case 'LIST':
      case 'CALL':
        return this.#open(frame.stream);
      case 'CREDIT':
        return this.#check(frame.stream) ?? this.#grant(frame.stream, frame.messages);
      case 'CANCEL': {
        const wrong = this.#check(frame.stream);
        if (!wrong) this.#outlets.delete(frame.stream);
        return wrong;
      }
      case 'RELEASE':
        return frame.leases.every((lease) => this.#held.delete(lease)) ? undefined : 'LEASE_UNKNOWN';
      case 'WAITING':
        return frame.stream === 0 ? undefined : 'STREAM_STATE';
      default:
        return 'STREAM_STATE';
    }
  }

  #open(stream: number): ErrorName | undefined {
    if (stream <= this.#lastStream || stream % 2 === 0) return 'STREAM_STATE';
    this.#lastStream = stream;
    return undefined;
  }

  #check(stream: number): ErrorName | undefined {
    return stream > this.#lastStream || stream % 2 === 0 ? 'STREAM_STATE' : undefined;
  }

  #subscribe(stream: number, name: string, credit: number): ErrorName | undefined {
    if (this.#outlets.size >= MAX_STREAMS) return undefined; // refused alone
    this.#outlets.set(stream, { left: this.published.get(name) ?? Number.POSITIVE_INFINITY, credit: 0 });
    return this.#grant(stream, credit);
  }

  #grant(stream: number, messages: number): ErrorName | undefined {
    const outlet = this.#outlets.get(stream);
    if (!outlet) return undefined;
    if (outlet.credit + messages > MAX_CREDIT) return 'CREDIT_EXCEEDED';
    outlet.credit += messages;
    if (outlet.left === Number.POSITIVE_INFINITY) return undefined;
    for (; outlet.credit > 0 && outlet.left > 0; outlet.credit--, outlet.left--) this.#held.add(++this.#lastLease);
    if (outlet.left === 0) this.#outlets.delete(stream);
    return undefined;
  }
}

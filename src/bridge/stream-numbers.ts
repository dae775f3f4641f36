import { ArrowlabError } from '../errors.js';

/** Which side opened the connection; it decides whose stream numbers are odd. */
export type Side = 'connector' | 'acceptor';

/** The numbers of a connection's streams (PROTOCOL.md, section 5): odd for the connector, even for the acceptor, each greater than the last. */
export class StreamNumbers {
  #next: number;
  #lastOfPeer: number;

  constructor(side: Side) {
    this.#next = side === 'connector' ? 1 : 2;
    this.#lastOfPeer = side === 'connector' ? 0 : -1;
  }

  /** A number for a stream that this side opens. */
  take(): number {
    const number = this.#next;
    this.#next += 2;
    return number;
  }

  /** The peer opens a stream. Throws STREAM_STATE. */
  open(stream: number): void {
    if (stream <= this.#lastOfPeer || !this.#isOfPeer(stream))
      throw new ArrowlabError(
        'STREAM_STATE',
        `expected a new stream number after ${this.#lastOfPeer} in steps of 2, found ${stream}`,
      );
    this.#lastOfPeer = stream;
  }

  /** The peer speaks of a stream that it has opened before. Throws STREAM_STATE. */
  check(stream: number, type: string): void {
    if (stream > this.#lastOfPeer || !this.#isOfPeer(stream))
      throw new ArrowlabError('STREAM_STATE', `expected ${type} for a stream that was opened, found stream ${stream}`);
  }

  #isOfPeer(stream: number): boolean {
    return (stream - this.#lastOfPeer) % 2 === 0;
  }
}

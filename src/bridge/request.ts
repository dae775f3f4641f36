import { ArrowlabError } from '../errors.js';
import { startTimer } from '../region/index.js';
import type { Frame } from '../wire/index.js';
import type { ConsumerSide } from './consumer-side.js';

export interface RequestOptions {
  /** Gives the request up: it fails with ABORTED. */
  signal?: AbortSignal | undefined;
  /** How long to wait for the answer, in milliseconds. Default 10,000. */
  timeoutMs?: number | undefined;
}

/** What is asked: the frame without its stream number. */
export type Question = { type: 'LIST' } | { type: 'CALL'; credit: number; name: string; parameters: string };

const TIMEOUT_MS = 10_000;

/** Something asked of the peer that it answers once, with RESULT or ERROR (PROTOCOL.md, section 5). */
export class Request {
  /** The answer's JSON, read; rejects with the peer's ERROR, TIMEOUT, ABORTED, CLOSED or what ended the connection. */
  readonly answer: Promise<unknown>;
  readonly #side: ConsumerSide;
  readonly #question: Question;
  readonly #options: RequestOptions;
  #isCancelling = false;
  #timer: NodeJS.Timeout | undefined;
  #resolve!: (answer: unknown) => void;
  #reject!: (error: ArrowlabError) => void;

  constructor(
    side: ConsumerSide,
    readonly stream: number,
    question: Question,
    options: RequestOptions,
  ) {
    this.#side = side;
    this.#question = question;
    this.#options = options;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Sends it; `ConsumerSide.request` calls it. */
  start(): void {
    const { signal, timeoutMs = TIMEOUT_MS } = this.#options;
    this.#side.send({ ...this.#question, stream: this.stream });
    this.#timer = startTimer(
      () => this.#giveUp(new ArrowlabError('TIMEOUT', `expected ${this.#what} within ${timeoutMs} ms, found none`)),
      timeoutMs,
    );
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  /** Takes a frame of this exchange. Throws the violation that it is. */
  accept(frame: Frame): void {
    if (frame.type === 'RESULT') this.#answered(frame.json);
    else if (frame.type === 'ERROR') this.#failed(ArrowlabError.fromWire(frame.number, frame.message));
    else if (frame.type === 'CANCELLED' && this.#isCancelling) this.#side.forget(this);
    else
      throw new ArrowlabError(
        'STREAM_STATE',
        `expected RESULT or ERROR for stream ${this.stream}, found ${frame.type}`,
      );
  }

  /** This side closes. */
  cancel(): void {
    this.#giveUp(new ArrowlabError('CLOSED', `expected ${this.#what}, found the connection closed before`));
  }

  /** The connection or the peer is gone. */
  fail(error: ArrowlabError): void {
    this.#settle();
    this.#reject(error);
    this.#side.forget(this);
  }

  get #what(): string {
    return `an answer of ${this.#side.label} to ${this.#question.type}`;
  }

  #answered(json: string): void {
    let answer: unknown;
    try {
      answer = JSON.parse(json);
    } catch (cause) {
      throw new ArrowlabError('FRAME_FIELD', `expected RESULT with JSON, found other text in stream ${this.stream}`, {
        cause,
      });
    }
    this.#resolve(answer);
    this.#over();
  }

  #failed(error: ArrowlabError): void {
    this.#reject(error);
    this.#over();
  }

  /** The peer has answered; where it owes a CANCELLED as well, that is still to come. */
  #over(): void {
    this.#settle();
    if (!this.#isCancelling) this.#side.forget(this);
  }

  #giveUp(error: ArrowlabError): void {
    this.#settle();
    this.#reject(error);
    this.#isCancelling = true;
    this.#side.send({ type: 'CANCEL', stream: this.stream });
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#side.finished(this);
  }

  readonly #onAbort = (): void => this.#giveUp(ArrowlabError.aborted(this.#options.signal, this.#what));
}

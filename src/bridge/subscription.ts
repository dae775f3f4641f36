import type { RecordBatch, Schema } from 'apache-arrow';
import { Table } from 'apache-arrow';
import { ArrowlabError } from '../errors.js';
import { StreamDecoder } from '../ipc/index.js';
import { startTimer } from '../region/index.js';
import type { Frame } from '../wire/index.js';
import { LeasedBatch } from './batch.js';
import type { ConsumerSide } from './consumer-side.js';
import { CREDIT_WINDOW, Inbox } from './inbox.js';
import { type HeldMessage, InlineMessage } from './incoming.js';
import { Patience } from './patience.js';
import { reclaim } from './reclaim.js';

export interface SubscriptionOptions {
  /** Ends the subscription; a `next()` that waits throws ABORTED. */
  signal?: AbortSignal | undefined;
  /** How long to wait for the stream to be published, and for each message, in milliseconds. Default: for ever. */
  timeoutMs?: number | undefined;
  /** 'structure' checks what protects this process (default); 'full' checks the contents too, at the price of reading everything. */
  validate?: 'structure' | 'full' | undefined;
}

/** Messages that no producer may send; others only can't be read here. */
const VIOLATIONS = ['ERR_ARROWLAB_IPC_INVALID', 'ERR_ARROWLAB_DATA_INVALID'];

/** What a producer sends. */
export type StreamFrame = Extract<
  Frame,
  { type: 'OPEN' | 'DESCRIPTOR' | 'INLINE' | 'END' | 'WAITING' | 'CANCELLED' | 'ERROR' | 'RESULT' }
>;

type State = 'requested' | 'open' | 'cancelling' | 'closed';

/**
 * The consumer's side of one stream: record batches over the producer's memory, in order. Iterate it once; `break` cancels.
 * Ends only where the producer ended the stream; a producer that goes away before throws PRODUCER_GONE.
 */
export class Subscription implements AsyncIterableIterator<LeasedBatch> {
  /** The stream's schema, as soon as it is known; rejects when the stream fails before. */
  readonly schema: Promise<Schema>;

  /** Bytes of dictionaries and batches that came inline on the socket, and so were copied. */
  inlineBytes = 0;

  readonly #side: ConsumerSide;
  readonly #options: SubscriptionOptions;
  readonly #decoder: StreamDecoder;
  readonly #inbox: Inbox;
  readonly #patience = new Patience();
  #state: State = 'requested';
  #ending: { error: ArrowlabError | undefined } | undefined;
  #wake: (() => void) | undefined;
  /** Calls of `next()` are served one after the other. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  #schemaArrived!: (schema: Schema) => void;
  #schemaFailed!: (error: ArrowlabError) => void;

  constructor(
    side: ConsumerSide,
    readonly stream: number,
    readonly name: string,
    options: SubscriptionOptions,
  ) {
    this.#side = side;
    this.#options = options;
    this.#inbox = new Inbox(stream, side.holdings);
    this.#decoder = new StreamDecoder({ validate: options.validate ?? 'structure' });
    this.schema = new Promise((resolve, reject) => {
      this.#schemaArrived = resolve;
      this.#schemaFailed = reject;
    });
    this.schema.catch(() => {}); // whoever awaits it is told
  }

  /** Asks for the stream; `ConsumerSide.subscribe` calls it. */
  start(): void {
    const { signal } = this.#options;
    this.#side.send({ type: 'SUBSCRIBE', stream: this.stream, credit: CREDIT_WINDOW, name: this.name });
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  /**
   * The next batch; the caller owns it until it calls `release()`. Throws PRODUCER_GONE, STREAM_FAILED, TIMEOUT, ABORTED, LEASES_EXHAUSTED,
   * IPC_INVALID, IPC_UNSUPPORTED, TYPE_UNSUPPORTED, DATA_INVALID, CLOSED, or the violation that ended the connection.
   */
  next(): Promise<IteratorResult<LeasedBatch, undefined>> {
    const turn = this.#lastTurn.then(() => this.#next());
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  async #next(): Promise<IteratorResult<LeasedBatch, undefined>> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) {
        const batch = this.#decode(message);
        if (batch) return { done: false, value: batch };
      } else if (this.#ending) {
        this.#dropQueue();
        if (this.#ending.error) throw this.#ending.error;
        return { done: true, value: undefined };
      } else {
        await this.#arrival();
      }
    }
  }

  /** Ends the subscription: what comes after `break` in a loop. */
  async return(): Promise<IteratorResult<LeasedBatch, undefined>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
  }

  /** The rest of the stream as a table that lies on the heap and needs no release. Throws what `next` throws. */
  async readAll(): Promise<Table> {
    const batches: RecordBatch[] = [];
    for await (const batch of this) {
      batches.push(batch.copy());
      batch.release();
    }
    return new Table(await this.schema, batches);
  }

  /** Wants nothing more; what is queued and what still arrives is released. */
  cancel(): void {
    this.#end(new ArrowlabError('CLOSED', `the subscription to ${JSON.stringify(this.name)} was cancelled`));
  }

  /** The connection or the peer is gone. What is queued can still be read. */
  fail(error: ArrowlabError): void {
    this.#ending ??= { error };
    this.#schemaFailed(this.#ending.error ?? error);
    this.#close();
  }

  /** Takes a frame of this stream. Throws the violation that it is. */
  accept(frame: StreamFrame): void {
    const { type } = frame;
    if (type === 'RESULT')
      throw new ArrowlabError('STREAM_STATE', `expected no RESULT for a subscription, found one in ${this.stream}`);
    if (this.#state === 'cancelling') {
      if (type === 'CANCELLED') this.#close();
      else if (type === 'DESCRIPTOR' || type === 'INLINE') this.#receive(frame).letGo();
      return;
    }
    if (type === 'ERROR') {
      this.fail(ArrowlabError.fromWire(frame.number, frame.message));
      return;
    }
    const isExpected = type === 'OPEN' ? this.#state === 'requested' : type !== 'CANCELLED' && this.#state === 'open';
    if (!isExpected)
      throw new ArrowlabError('STREAM_STATE', `expected no ${type} for stream ${this.stream}, which is ${this.#state}`);
    if (type === 'OPEN') this.#state = 'open';
    else if (type === 'DESCRIPTOR' || type === 'INLINE') this.#enqueue(this.#receive(frame));
    else if (type === 'END') this.#acceptEnd(frame.sequence);
    else if (type === 'WAITING') void this.#acceptWaiting(frame);
  }

  #acceptEnd(sequence: bigint): void {
    this.#inbox.checkSequence(sequence);
    this.#ending ??= { error: undefined };
    this.#schemaFailed(new ArrowlabError('IPC_INVALID', 'expected a schema before the end of the stream, found none'));
    this.#close();
  }

  /** Gives back what nobody can reach any more; fails the reader where only the reader itself could release what is waited for. */
  async #acceptWaiting({ needed, held }: StreamFrame & { type: 'WAITING' }): Promise<void> {
    const { holdings } = this.#side;
    const isAtEnd = this.#patience.waiting(held, holdings.releasedCount);
    await reclaim(Number(needed));
    if (isAtEnd(holdings.releasedCount) && this.#wake && holdings.isWithReader(this.stream))
      this.#end(this.#exhausted(needed, held));
  }

  #receive(frame: StreamFrame & { type: 'DESCRIPTOR' | 'INLINE' }): HeldMessage {
    this.#patience.renew();
    return this.#inbox.receive(frame);
  }

  /** The schema is read at once, for who awaits it; the others when the reader comes to them. */
  #enqueue(message: HeldMessage): void {
    if (this.#inbox.sequence === 1n) this.#decode(message);
    else this.#inbox.push(message);
    this.#wake?.();
  }

  /** Reads one message; undefined where it holds no batch. What can't be read ends the subscription. */
  #decode(message: HeldMessage): LeasedBatch | undefined {
    try {
      const decoded = this.#decoder.accept(message);
      if (message instanceof InlineMessage && decoded.kind !== 'schema') this.inlineBytes += message.byteLength;
      this.#grantMore();
      if (decoded.kind === 'schema') this.#schemaArrived(decoded.schema);
      return decoded.kind === 'batch' ? new LeasedBatch(decoded.batch, decoded.messages as HeldMessage[]) : undefined;
    } catch (error) {
      const failure =
        error instanceof ArrowlabError
          ? error
          : new ArrowlabError('IPC_INVALID', `expected a readable Arrow message, found one that fails to read`, {
              cause: error,
            });
      this.#ending = { error: failure }; // also where the stream's end has come already: what can't be read is not a short stream
      if (VIOLATIONS.includes(failure.code)) this.#side.violation(failure);
      this.#end(failure);
      return undefined;
    } finally {
      message.letGo();
    }
  }

  #grantMore(): void {
    if (this.#state !== 'open') return;
    const messages = this.#inbox.creditDue();
    if (messages > 0) this.#side.send({ type: 'CREDIT', stream: this.stream, messages });
  }

  #end(error: ArrowlabError): void {
    this.#ending ??= { error };
    this.#dropQueue();
    this.#schemaFailed(this.#ending.error ?? error);
    if (this.#state === 'requested' || this.#state === 'open') {
      this.#state = 'cancelling';
      this.#side.send({ type: 'CANCEL', stream: this.stream });
    }
    this.#wake?.();
  }

  #close(): void {
    this.#state = 'closed';
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#side.forget(this);
    this.#wake?.();
  }

  #dropQueue(): void {
    this.#inbox.clear();
    this.#decoder.close();
    this.#side.finished(this);
  }

  /** Waits for a frame. Throws TIMEOUT. */
  async #arrival(): Promise<void> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== undefined) timer = startTimer(() => this.#end(this.#timedOut(timeoutMs)), timeoutMs);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #exhausted(needed: bigint, held: bigint): ArrowlabError {
    return new ArrowlabError(
      'LEASES_EXHAUSTED',
      `expected the reader of ${JSON.stringify(this.name)} to release batches, found it waiting for the next one while it holds ${held} bytes and the producer needs ${needed}: release batches earlier, copy them out (batch.copy() or readAll), or raise maxBytes at the producer`,
    );
  }

  #timedOut(timeoutMs: number): ArrowlabError {
    const name = JSON.stringify(this.name);
    return this.#state === 'requested'
      ? new ArrowlabError(
          'TIMEOUT',
          `expected ${this.#side.label} to publish ${name} within ${timeoutMs} ms, found nobody doing so: check the name or wait longer`,
        )
      : new ArrowlabError('TIMEOUT', `expected a message of stream ${name} within ${timeoutMs} ms, found none`);
  }

  readonly #onAbort = (): void =>
    this.#end(
      new ArrowlabError('ABORTED', `the subscription to ${JSON.stringify(this.name)} was given up`, {
        cause: this.#options.signal?.reason,
      }),
    );
}

import { type Data, RecordBatch, type StructRowProxy, type TypeMap, type Vector } from 'apache-arrow';
import { ArrowlabError } from '../errors.js';
import { copyBatch } from '../ipc/index.js';
import { columnVector } from './column.js';
import type { HeldMessage } from './incoming.js';

/**
 * A record batch over a producer's memory. Whoever gets it owns it and calls `release()` (or lets `using` do it); after that every
 * call on it throws RELEASED, and vectors that were taken out of it read empty. The garbage collector releases what is forgotten, late.
 */
// biome-ignore lint/suspicious/noExplicitAny: the default of Arrow's own RecordBatch
export class LeasedBatch<T extends TypeMap = any> extends RecordBatch<T> {
  readonly #messages: readonly HeldMessage[];
  #holds = 0;
  #isReleased = false;

  /** `messages`: what the batch's buffers lie in. */
  constructor(batch: RecordBatch<T>, messages: readonly HeldMessage[]) {
    super(batch.schema, batch.data, batch.metadata);
    // Arrow's constructor merges fields of the same name; the batch's own schema has them all.
    Object.assign(this, { schema: batch.schema });
    this.#messages = messages;
    for (const message of messages) message.use();
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** Gives the memory back to the producer; once a held promise has settled, if there is one. Calling it again does nothing. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    Object.defineProperties(this, { schema: RELEASED, data: RELEASED });
    if (this.#holds === 0) this.#letGo();
  }

  /**
   * Keeps the memory until `promise` has settled, although `release()` may come before: for a write of the batch's bytes that is still under way.
   * Returns the promise.
   */
  hold<P>(promise: Promise<P>): Promise<P> {
    if (this.#isReleased) throw released();
    this.#holds++;
    const settled = () => {
      if (--this.#holds === 0 && this.#isReleased) this.#letGo();
    };
    promise.then(settled, settled);
    return promise;
  }

  /** The same batch on the heap, which needs no release. */
  copy(): RecordBatch<T> {
    if (this.#isReleased) throw released();
    return copyBatch(this);
  }

  override getChildAt<C extends T[keyof T]>(index: number): Vector<C> | null {
    const child = this.data.children[index] as Data<C> | undefined;
    return child ? columnVector(child) : null;
  }

  override [Symbol.iterator](): IterableIterator<StructRowProxy<T>> {
    return columnVector(this.data)[Symbol.iterator]() as IterableIterator<StructRowProxy<T>>;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #letGo(): void {
    for (const message of this.#messages) message.leave();
  }
}

const released = (): ArrowlabError =>
  new ArrowlabError(
    'RELEASED',
    'expected a batch that is still leased, found it released: use it before release(), take copy(), or hold(promise)',
  );

const RELEASED: PropertyDescriptor = {
  get: () => {
    throw released();
  },
};

// Arrow's getters would answer with undefined or null over detached memory: every one of them asks first.
for (const key of Reflect.ownKeys(RecordBatch.prototype)) {
  const inherited = Object.getOwnPropertyDescriptor(RecordBatch.prototype, key)!;
  if (key === 'constructor' || Object.hasOwn(LeasedBatch.prototype, key) || !inherited.configurable) continue;
  Object.defineProperty(LeasedBatch.prototype, key, guarded(inherited));
}

function guarded(inherited: PropertyDescriptor): PropertyDescriptor {
  const check = (batch: LeasedBatch): void => {
    if (batch instanceof LeasedBatch && batch.isReleased) throw released();
  };
  const { value, get } = inherited;
  if (typeof value === 'function')
    return {
      ...inherited,
      value(this: LeasedBatch, ...parameters: unknown[]) {
        check(this);
        return value.apply(this, parameters);
      },
    };
  if (get)
    return {
      ...inherited,
      get(this: LeasedBatch) {
        check(this);
        return get.call(this);
      },
    };
  return inherited;
}

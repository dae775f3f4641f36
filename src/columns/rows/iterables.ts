import { types } from 'node:util';

/** The items of iterables that can be gone through only once, kept until their row is appended: the row may have to be written again. */
export class Iterables {
  readonly #items = new Map<object, unknown[]>();

  itemsOf(iterable: Iterable<unknown>): unknown[] {
    const known = this.#items.get(iterable);
    if (known) return known;
    const iterator = iterable[Symbol.iterator]();
    const items = Array.from({ [Symbol.iterator]: () => iterator });
    if ((iterator as unknown) === iterable) this.#items.set(iterable, items);
    return items;
  }

  /** The row is done with, in one way or the other. */
  forget(): void {
    if (this.#items.size > 0) this.#items.clear();
  }
}

const isIterable = (value: object): value is Iterable<unknown> =>
  typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function';

/** The items of a list: of anything to index or iterate but a string. Undefined for all else. */
export function itemsOf(value: unknown, iterables: Iterables): ArrayLike<unknown> | undefined {
  if (Array.isArray(value) || types.isTypedArray(value)) return value as ArrayLike<unknown>;
  if (typeof value !== 'object' || value === null) return undefined;
  if (isIterable(value)) return iterables.itemsOf(value);
  const { length } = value as Partial<ArrayLike<unknown>>;
  return Number.isSafeInteger(length) && length! >= 0 ? (value as ArrayLike<unknown>) : undefined;
}

/** Entries of a map, in their order: a Map itself, or pairs. An object counts where `keysAreStrings`. Undefined for all else. */
export function entriesOf(
  value: unknown,
  keysAreStrings: boolean,
  iterables: Iterables,
): ReadonlyMap<unknown, unknown> | readonly unknown[] | undefined {
  if (value instanceof Map || Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  if (isIterable(value)) return iterables.itemsOf(value);
  return keysAreStrings ? Object.entries(value) : undefined;
}

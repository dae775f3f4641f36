import { ArrowlabError } from '../../errors.js';
import { found } from './found.js';

/** INVALID_ARGUMENT of the function called `name`. */
export function invalid(name: string, expected: string, foundText: string): ArrowlabError {
  return new ArrowlabError('INVALID_ARGUMENT', `${name}: expected ${expected}, found ${foundText}`);
}

/** @throws INVALID_ARGUMENT unless `value` is an integer of the range. */
export function integer(name: string, what: string, value: number, from: number, to: number): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  throw invalid(name, `${what} from ${from} to ${to}`, found(value));
}

/**
 * The place of `value` in `names`, which is its number in Schema.fbs where they are in that order.
 * @throws INVALID_ARGUMENT when it has none.
 */
export function placeIn<Name extends string>(name: string, what: string, value: Name, names: readonly Name[]): number {
  const place = names.indexOf(value);
  if (place >= 0) return place;
  throw invalid(name, `${what} out of ${names.map((each) => `'${each}'`).join(', ')}`, found(value));
}

/**
 * The entries of an object that is one of names and values, and nothing else.
 * @throws INVALID_ARGUMENT for all else; an array or a Map is no such object, nor one whose prototype a `__proto__:` has replaced.
 */
export function entriesOf<T>(name: string, what: string, value: Readonly<Record<string, T>>): [string, T][] {
  if (isPlainObject(value)) return Object.entries(value);
  throw invalid(name, `an object of ${what} by name`, found(value));
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

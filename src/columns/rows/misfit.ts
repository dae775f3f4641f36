import { ArrowlabError } from '../../errors.js';
import { cut } from '../value-text.js';

/** Thrown where a buffer has no room for a row; nobody outside of an appender sees it. */
export const NO_ROOM = Symbol('no room for the row');

/** A value that its column cannot take. It becomes an error, with row and path, where the row is known; so it takes no stack along. */
export class Misfit {
  #path = '';

  constructor(
    readonly expected: string,
    readonly found: string,
    readonly cause?: unknown,
  ) {}

  static of(expected: string, value: unknown): Misfit {
    return new Misfit(expected, foundText(value));
  }

  /** The misfit of the value that `segment` leads to from a value that holds it; what is no misfit (a getter that throws) becomes one. */
  static below(segment: () => string, error: unknown): unknown {
    if (error === NO_ROOM) return error;
    const misfit = error instanceof Misfit ? error : Misfit.unreadable(error);
    misfit.#path = segment() + misfit.#path;
    return misfit;
  }

  static unreadable(cause: unknown): Misfit {
    return new Misfit('a value that can be read', `an error: ${textOf(cause)}`, cause);
  }

  /** DATA_INVALID, which says so. */
  error(row: number): ArrowlabError {
    const path = this.#path.replace(/^\./, '');
    const options = this.cause === undefined ? undefined : { cause: this.cause };
    return new ArrowlabError(
      'DATA_INVALID',
      `row ${row}: ${path && `${path}: `}expected ${this.expected}, found ${this.found}`,
      options,
    );
  }
}

export const valueSegment = (key: unknown): string => `[${foundText(key)}]`;
export const keySegment = (index: number): string => `.key(${index})`;

/** A value for people, of a length that a message can bear. */
function foundText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(cut(value));
    case 'bigint':
      return cut(`${value}n`);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'object':
      return value === null ? 'nothing' : objectText(value);
    case 'undefined':
      return 'nothing';
    case 'boolean':
      return String(value);
    default:
      return `a ${typeof value}`;
  }
}

function objectText(value: object): string {
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the Date ${value.toJSON()}`;
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    if (ArrayBuffer.isView(value)) return `a ${tag} of ${value.byteLength} bytes`;
    if (tag !== 'Object') return `an object of class ${cut(tag)}`;
    const keys = Object.keys(value);
    return keys.length === 0 ? 'an object without keys' : `an object with ${cut(keys.map(quoted).join(', '))}`;
  } catch {
    return 'an object that cannot be read';
  }
}

const quoted = (key: string) => JSON.stringify(key);

function textOf(error: unknown): string {
  try {
    return cut(String(error));
  } catch {
    return 'one without text';
  }
}

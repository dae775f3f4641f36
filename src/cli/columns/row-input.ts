import type { RowFormat } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';

/** Rows as they are read from bytes of some format. */
export interface RowInput<T> {
  /** How they become columns. */
  readonly format: RowFormat<T>;
  /** Rows of the input that became none, as they could not be read. */
  readonly malformed: number;
  /** The rows in order, in groups of what has come together. A row is to be used before the next is asked for. */
  groups(): AsyncIterable<Iterable<T>>;
  /** The row given last was refused with this error. Throws it, with the row's place in the input, unless such rows are skipped. */
  refused(error: ArrowlabError): void;
}

/** What happens to rows that cannot be read. */
export class MalformedRows {
  count = 0;
  #first: ArrowlabError | undefined;

  constructor(readonly areSkipped: boolean) {}

  /** @throws `error`, unless they are skipped. */
  add(error: ArrowlabError): void {
    if (!this.areSkipped) throw error;
    this.#first ??= error;
    this.count++;
  }

  /** For an input that has no row whose types could be taken, but perhaps some that were skipped. */
  nothingToInfer(): ArrowlabError {
    const found = this.#first ? `${this.count} malformed alone: ${this.#first.message}` : 'none: give --schema';
    const message = `expected a row to infer the schema from, found ${found}`;
    return new ArrowlabError('INVALID_ARGUMENT', message, { cause: this.#first });
  }
}

/** A line, counted from 1, that is not what it has to be. */
export function malformedLine(line: number, message: string, cause?: unknown): ArrowlabError {
  return new ArrowlabError('DATA_INVALID', `line ${line}: ${message}`, cause === undefined ? undefined : { cause });
}

/** The error of an appender, which counts rows, in lines. `isInferred`: no schema was given. */
export function atLine(line: number, error: ArrowlabError, isInferred: boolean): ArrowlabError {
  const message = inText(error.message.replace(/^row \d+: /, ''));
  const advice = '; the types are those of the samples: give a larger --sample, or --schema';
  return malformedLine(line, isInferred ? message + advice : message, error);
}

/** A message about values of JavaScript, in the terms of text: there are no bigints and no Dates in it. */
export const inText = (message: string): string =>
  message
    .replace(/a safe integer or a bigint from|a bigint(?= as in )/, (found) =>
      found.endsWith('from') ? 'an integer without fraction or exponent, from' : 'an integer',
    )
    .replace(/\(a Date, milliseconds, a bigint of \w+, or /, '(milliseconds, or ')
    .replace("(a Date, 'YYYY-MM-DD', or milliseconds of whole days)", "('YYYY-MM-DD', or milliseconds of whole days)")
    .replace(/found (-?\d+)n(?=;|$)/, 'found $1');

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

  constructor(readonly areSkipped: boolean) {}

  /** @throws `error`, unless they are skipped. */
  add(error: ArrowlabError): void {
    if (!this.areSkipped) throw error;
    this.count++;
  }
}

/** A line, counted from 1, that is not what it has to be. */
export function malformedLine(line: number, message: string, cause?: unknown): ArrowlabError {
  return new ArrowlabError('DATA_INVALID', `line ${line}: ${message}`, cause === undefined ? undefined : { cause });
}

/** The error of an appender, which counts rows, in lines. */
export function atLine(line: number, error: ArrowlabError): ArrowlabError {
  return malformedLine(line, error.message.replace(/^row \d+: /, ''), error);
}

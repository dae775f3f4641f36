import { ArrowlabError } from '../errors.js';
import type { Retention } from './replay.js';

export interface PublishOptions {
  /**
   * What a late subscriber gets beside the schema and the live dictionaries: nothing, the last batch, or all batches.
   * With 'none' the first write waits for a subscriber. Default 'none'.
   */
  retain?: Retention | undefined;
  /** What a subscriber without credit does to the others: 'block' makes the writer wait, 'drop' leaves batches out for that subscriber. Default 'block'. */
  slow?: 'block' | 'drop' | undefined;
  /**
   * Bytes of the region that the stream may use whatever other streams hold; two of its batches are enough to go on. Default: a sixteenth of
   * `maxBytes`, less where many streams are open.
   */
  reserveBytes?: number | string | undefined;
}

/** `value`, which has to be one of the words allowed. @throws INVALID_ARGUMENT */
export function oneOf<T extends string>(what: string, value: T, allowed: T[]): T {
  if (!allowed.includes(value))
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected ${what} to be one of ${allowed.join(', ')}, found ${JSON.stringify(value)}`,
    );
  return value;
}

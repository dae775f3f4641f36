import type { Cell } from './cell.js';
import { JsonReader } from './json.js';
import type { SpecialContent } from './plan.js';
import { RawReader } from './raw.js';
import { TimeReader } from './time.js';

/**
 * Reads messages that become one value. A message that comes twice in a row is merged, as its fields would be, for which a reader
 * remembers what the value does not tell.
 */
export interface SpecialReader {
  /** The next value is in another row, or the row has none any more. */
  begin(): void;
  /** Reads one occurrence from `start` to `end` into the row; gives where reading goes on. */
  read(bytes: Uint8Array, start: number, end: number, row: number): number;
  /** The same of a group of this number, which ends with its end tag. */
  readGroup(bytes: Uint8Array, start: number, group: number, row: number): number;
}

export function specialReader(content: SpecialContent, cell: Cell): SpecialReader {
  switch (content.kind) {
    case 'timestamp':
    case 'duration':
      return new TimeReader(content, cell);
    case 'raw':
      return new RawReader(content, cell);
    default:
      return new JsonReader(content, cell);
  }
}

import { isUtf8 } from 'node:buffer';
import { ArrowlabError } from '../../errors.js';
import { malformedLine } from './row-input.js';

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** Longer lines are no rows, and would take all memory. */
const MAX_LINE_BYTES = 2 ** 26;

/** Lines that have come together. */
export interface LineBlock {
  /** Whole lines; only the very last one may lack its line feed. No byte order mark in front. */
  readonly bytes: Buffer;
  /** Number of the first of them, from 1. */
  readonly line: number;
}

/**
 * Chunks of text, cut anew where lines end.
 * @throws DATA_INVALID for a line of more than 64 MiB, or what gzip has made.
 */
export async function* lineBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<LineBlock, void, undefined> {
  const pieces = new Pieces();
  let line = 1;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      const bytes = pieces.joined(chunk.subarray(0, end));
      yield { bytes, line };
      line += countLines(bytes);
    }
    if (end < chunk.length) pieces.add(chunk.subarray(end), line);
  }
  const rest = pieces.joined(Buffer.alloc(0));
  if (rest.length > 0) yield { bytes: rest, line };
}

/** The beginning of a line whose end has not come, and the byte order mark that comes before all. */
class Pieces {
  #pieces: Buffer[] = [];
  #byteLength = 0;
  #isFirst = true;

  add(bytes: Buffer, line: number): void {
    this.#pieces.push(bytes);
    this.#byteLength += bytes.length;
    if (this.#byteLength > MAX_LINE_BYTES)
      throw malformedLine(line, `expected a line of at most ${MAX_LINE_BYTES} bytes, found no end after these`);
  }

  joined(bytes: Buffer): Buffer {
    const all = this.#pieces.length === 0 ? bytes : Buffer.concat([...this.#pieces, bytes]);
    this.#pieces = [];
    this.#byteLength = 0;
    if (this.#isFirst && all.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC))
      throw new ArrowlabError(
        'DATA_INVALID',
        'expected text, found what gzip has made of it: zcat FILE | alab columns ... --input -',
      );
    const hasMark = this.#isFirst && all.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    this.#isFirst = false;
    return hasMark ? all.subarray(BYTE_ORDER_MARK.length) : all;
  }
}

export const countLines = (bytes: Buffer): number => countBytes(bytes, LINE_FEED);

/** How many of the bytes are `byte`. */
export function countBytes(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

/** The lines of a block, without their line feeds; undefined for one that is not UTF-8. */
export function* textLines({ bytes }: LineBlock): Generator<string | undefined, void, undefined> {
  // What is UTF-8 as a whole is cut as text, which is much faster.
  if (isUtf8(bytes)) {
    const text = bytes.toString('utf8');
    let begin = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
      yield text.slice(begin, end);
      begin = end + 1;
    }
    if (begin < text.length) yield text.slice(begin);
    return;
  }
  for (let begin = 0; begin < bytes.length; ) {
    const found = bytes.indexOf(LINE_FEED, begin);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(begin, end);
    yield isUtf8(line) ? line.toString('utf8') : undefined;
    begin = end + 1;
  }
}

import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import type { ArrowlabError } from '../../errors.js';
import { countBytes, countLines, type LineBlock, lineBlocks, textLines } from './lines.js';
import { malformedLine } from './row-input.js';

/** A record, and the line on which it begins. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

const QUOTE = 0x22;
/** A quote that is not closed would take all of the input for one record. */
const MAX_RECORD_BYTES = 2 ** 26;

/** The records, in groups of what has come together; lines that are empty are none. @throws DATA_INVALID for quotes out of place, or what is not UTF-8. */
export async function* csvRecords(
  chunks: AsyncIterable<Buffer>,
  delimiter: string,
): AsyncGenerator<CsvRecord[], void, undefined> {
  for await (const block of recordBlocks(lineBlocks(chunks))) {
    const records = recordsOf(block, delimiter);
    if (records.length > 0) yield records;
  }
}

/** Blocks that end where a record does: line ends between quotes are none of a record's. So each can be parsed as a whole, as soon as it has come. */
async function* recordBlocks(blocks: AsyncIterable<LineBlock>): AsyncGenerator<LineBlock, void, undefined> {
  let pieces: Buffer[] = [];
  let byteLength = 0;
  let isQuoted = false;
  let line = 1;
  const taken = (): LineBlock => {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces = [];
    byteLength = 0;
    return { bytes, line };
  };
  for await (const block of blocks) {
    checkText(block);
    if (pieces.length === 0) line = block.line;
    pieces.push(block.bytes);
    byteLength += block.bytes.length;
    if (countBytes(block.bytes, QUOTE) % 2 === 1) isQuoted = !isQuoted;
    // What is as long as this has a quote out of place, and the parser says where.
    if (!isQuoted || byteLength > MAX_RECORD_BYTES) yield taken();
  }
  if (pieces.length > 0) yield taken();
}

function recordsOf({ bytes, line: first }: LineBlock, delimiter: string): CsvRecord[] {
  let line = first;
  const records: CsvRecord[] = [];
  for (const cells of parsed(bytes, delimiter, first)) {
    if (cells.length > 1 || cells[0] !== '') records.push({ cells, line });
    line++;
    for (const text of cells) if (text.includes('\n')) line += text.split('\n').length - 1;
  }
  return records;
}

function parsed(bytes: Buffer, delimiter: string, line: number): string[][] {
  try {
    return parse(bytes, { delimiter, record_delimiter: ['\r\n', '\n'], relax_column_count: true });
  } catch (error) {
    throw error instanceof CsvError ? quotingError(error, bytes, line) : error;
  }
}

/** What follows cannot be told apart any more, so that this is never skipped. */
function quotingError(error: CsvError, bytes: Buffer, first: number): ArrowlabError {
  const { lines, bytes_records } = error as unknown as { lines: number; bytes_records: number };
  // The parser counts on to the end for a quote that is not closed; its record begins after the last whole one.
  const before = error.code === 'CSV_QUOTE_NOT_CLOSED' ? countLines(bytes.subarray(0, bytes_records)) : lines - 1;
  const found = error.message.replace(/ at line \d+/, '');
  return malformedLine(first + before, `expected quotes around whole cells and closed, found: ${found}`, error);
}

function checkText(block: LineBlock): void {
  if (isUtf8(block.bytes)) return;
  const bad = [...textLines(block)].indexOf(undefined);
  throw malformedLine(block.line + bad, 'expected UTF-8, found bytes that are none');
}

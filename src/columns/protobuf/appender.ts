import { ArrowlabError } from '../../errors.js';
import type { Column } from '../build/column.js';
import type { RowAppender } from '../build/row-format.js';
import type { VectorLike } from '../shape.js';
import { type Cell, cellsOf } from './cell.js';
import { composeDecoder } from './compose.js';
import type { Decoder, DecoderContext } from './decoder.js';
import { EnumDictionary } from './enum-dictionary.js';
import { generateDecoder } from './generate.js';
import { pathAt } from './path.js';
import { isScalar, type Plan } from './plan.js';
import { specialReader } from './special.js';
import { FULL } from './text.js';
import { AT, Malformed, state, UNKNOWN } from './wire.js';

/** As protobuf has it. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** What was skipped, by all appenders of a format. */
export interface Skipped {
  /** Fields that the descriptor does not know, in messages that became rows. */
  unknownFields: number;
  /** Malformed messages. */
  malformed: number;
}

/** Encoded messages of one type to rows. The bytes are read, never kept. */
export class ProtobufAppender implements RowAppender<Uint8Array> {
  /** Fields that the descriptor does not know, in messages that became rows: they were skipped. */
  unknownFields = 0;
  /** Malformed messages that were skipped. */
  malformed = 0;

  readonly #totals: Skipped;
  readonly #plan: Plan;
  readonly #skipsMalformed: boolean;
  readonly #cells: readonly Cell[];
  readonly #root: Cell;
  readonly #dictionaries = new Map<number, EnumDictionary>();
  readonly #dictionaryOfColumn = new Map<Column, EnumDictionary>();
  readonly #decoder: Decoder;
  #rows = 0;

  constructor(
    plan: Plan,
    skipsMalformed: boolean,
    makeDecoder = decoderOf,
    totals: Skipped = { unknownFields: 0, malformed: 0 },
  ) {
    this.#totals = totals;
    this.#plan = plan;
    this.#skipsMalformed = skipsMalformed;
    this.#cells = cellsOf(plan.slots);
    this.#root = this.#cells[plan.root.slot.id]!;
    for (const { content, item } of plan.fields) {
      const cell = this.#cells[item.id]!;
      if (!isScalar(content) && content.kind !== 'message') cell.special = specialReader(content, cell);
    }
    for (const { id, dictionary } of plan.slots) {
      if (dictionary) this.#dictionaries.set(id, new EnumDictionary(dictionary));
    }
    this.#decoder = makeDecoder({ plan, cells: this.#cells, dictionaries: this.#dictionaries });
  }

  get rows(): number {
    return this.#rows;
  }

  bind(columns: readonly Column[]): void {
    this.#root.bindRoot(columns);
    this.#decoder.bind();
    this.#rows = 0;
    this.#dictionaryOfColumn.clear();
    for (const [id, dictionary] of this.#dictionaries) {
      this.#dictionaryOfColumn.set(this.#cells[id]!.column!, dictionary);
    }
  }

  /** A malformed message is an error, or, if they are skipped, counted: true then, and there is no row of it. */
  append(message: Uint8Array, row: number): boolean {
    const rows = this.#rows;
    if (!(message instanceof Uint8Array && message.length <= MAX_MESSAGE_BYTES)) throw noMessage(message, row);
    if (rows >= this.#root.capacity) return false;
    state[UNKNOWN] = 0;
    // What is malformed before the first field belongs to the message itself.
    state[AT] = -1 - this.#plan.root.index;
    try {
      this.#decoder.decode(message, rows);
    } catch (error) {
      // The path is told by the offsets that are taken back.
      const failure = error instanceof Malformed ? this.#failure(error, row) : error;
      this.#root.forget(rows, rows + 1);
      if (error === FULL) return false;
      if (!(error instanceof Malformed && this.#skipsMalformed)) throw failure;
      this.malformed++;
      this.#totals.malformed++;
      return true;
    }
    this.unknownFields += state[UNKNOWN]!;
    this.#totals.unknownFields += state[UNKNOWN]!;
    this.#rows = rows + 1;
    return true;
  }

  settle(): void {
    this.#root.settle(this.#rows);
  }

  dictionaryOf(column: Column): VectorLike {
    return this.#dictionaryOfColumn.get(column)!.values();
  }

  #failure({ byteOffset, expected, found }: Malformed, row: number): ArrowlabError | undefined {
    if (this.#skipsMalformed) return undefined;
    const path = pathAt(this.#plan, this.#cells, state[AT]!, this.#rows);
    const where = path === '' ? '' : `${path}: `;
    return new ArrowlabError(
      'DATA_INVALID',
      `message ${row}: byte ${byteOffset}: ${where}expected ${expected}, found ${found}`,
    );
  }
}

function noMessage(message: unknown, row: number): ArrowlabError {
  const found = message instanceof Uint8Array ? `${message.length} bytes` : typeof message;
  return new ArrowlabError('DATA_INVALID', `message ${row}: expected a Uint8Array of less than 2 GiB, found ${found}`);
}

/** Generated code where it is allowed, else closures: the same rows, the same errors. */
function decoderOf(context: DecoderContext): Decoder {
  try {
    return generateDecoder(context);
  } catch (error) {
    if (error instanceof EvalError) return composeDecoder(context);
    throw error;
  }
}

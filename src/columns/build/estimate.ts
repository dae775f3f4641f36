import type { ParsedField } from '../field.js';
import type { Column } from './column.js';
import { BatchPlan, type Room } from './plan.js';

/** Where nothing has been seen yet: bytes a string, rows a list. */
const FIRST_BYTES = 16;
const FIRST_ROWS = 4;
/** Rows differ: so much more than was needed so far. */
const MARGIN = 1.25;
/** By how much everything grows for a row that found no room in an empty batch. */
const GROWTH = 4;
/** The least room there is, in bytes and rows. */
const LEAST = 64;

/** How much room the next batch of a stream of rows needs, from what earlier ones needed. Changes rarely, so that batches find warm memory of their size. */
export class RoomEstimate implements Room {
  readonly #perRow = new Map<ParsedField, number>();
  readonly #fields: readonly ParsedField[];
  /** The list around a field, if there is one. */
  readonly #listAround = new Map<ParsedField, ParsedField>();
  /** How much more room than its rows need the child of a list has got: what lies below it needs no more for that. */
  readonly #surplus = new Map<ParsedField, number>();
  #growth = 1;
  #wantedRows = 0;
  #plan: BatchPlan | undefined;

  constructor(fields: readonly ParsedField[]) {
    this.#fields = fields;
    for (const field of fields) this.#findLists(field);
  }

  dataBytes(field: ParsedField, rows: number): number {
    return this.#sizeFor(this.#needed(field, rows, FIRST_BYTES));
  }

  childRows(field: ParsedField, rows: number): number {
    const needed = this.#needed(field, rows, FIRST_ROWS);
    const size = this.#sizeFor(needed);
    this.#surplus.set(field, size / needed);
    return size;
  }

  /** A plan of `rows` rows, or of so many fewer that its body has at most `maxBytes` bytes; of one row at least, whatever that takes. */
  plan(rows: number, maxBytes: number): BatchPlan {
    if (this.#plan && rows === this.#wantedRows) return this.#plan;
    let plan = new BatchPlan(this.#fields, rows, this);
    while (plan.byteLength > maxBytes && plan.rows > 1)
      plan = new BatchPlan(this.#fields, Math.floor(plan.rows / 2), this);
    this.#plan = plan;
    this.#wantedRows = rows;
    return plan;
  }

  /** A batch is filled. */
  learn(columns: readonly Column[]): void {
    this.calm();
    for (const column of columns) this.#learn(column);
  }

  /** A row found no room in an empty batch. */
  grow(): void {
    this.#growth *= GROWTH;
    this.#plan = undefined;
  }

  /** No row that needs so much room has come after all. */
  calm(): void {
    if (this.#growth > 1) this.#plan = undefined;
    this.#growth = 1;
  }

  #learn(column: Column): void {
    const { field, length, dataLength, children } = column;
    const { kind } = field.layout;
    if (length === 0) return;
    if (kind === 'list') this.#remember(field, FIRST_ROWS, children[0]!.length / length);
    else if (column.data) this.#remember(field, FIRST_BYTES, dataLength / length);
    for (const child of children) this.#learn(child);
  }

  #remember(field: ParsedField, first: number, needed: number): void {
    const known = this.#perRow.get(field) ?? first;
    if (needed <= known && needed >= known / 2) return;
    this.#perRow.set(field, needed * MARGIN);
    this.#plan = undefined;
  }

  /** What `rows` rows need by what is known, without the surplus of the list around them. */
  #needed(field: ParsedField, rows: number, first: number): number {
    const list = this.#listAround.get(field);
    const surplus = list ? this.#surplus.get(list)! : 1;
    return ((this.#perRow.get(field) ?? first) * rows) / surplus;
  }

  /** Grown once, however many lists are around: growth on growth would be a power of their depth. */
  #sizeFor(needed: number): number {
    return Math.max(LEAST, Math.ceil(needed)) * this.#growth;
  }

  #findLists(field: ParsedField, list?: ParsedField): void {
    if (list) this.#listAround.set(field, list);
    const below = field.layout.kind === 'list' ? field : list;
    for (const child of field.children) this.#findLists(child, below);
  }
}

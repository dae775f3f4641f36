import { type ArrayNode, countBits, type ParsedField } from '../columns/index.js';
import type { MessageContents } from './message.js';
import {
  checkIndices,
  checkOffsets,
  checkRuns,
  checkSpans,
  checkText,
  checkUnion,
  checkViews,
  dataInvalid,
} from './values.js';

/**
 * Checks the contents of columns that bring their dictionaries along, as `Validator` does those of a message.
 * @throws DATA_INVALID naming column and row.
 */
export function checkColumns(columns: readonly ArrayNode[]): void {
  for (const column of columns)
    for (const { field, length, row, found = 0 } of checkArray(column))
      if (length > found) throw outside(field, row, length, found);
}

/** How many entries a dictionary needs to have, and the row that says so. */
interface Need {
  readonly field: ParsedField;
  readonly length: number;
  readonly row: number;
  /** How many it has, where the array brings it along. */
  readonly found?: number | undefined;
}

/**
 * Checks the contents of one stream's messages, which have to be given to it in order: null counts, offsets, UTF-8, dictionary
 * indices, unions, views, runs. Values that are odd but harm no reader (a decimal beyond its precision, a date with hours)
 * pass. Compressed bodies are not looked into.
 */
export class Validator {
  readonly #lengths = new Map<bigint, number>();
  /** What each dictionary's values need of the dictionaries they refer to, which may come later than they. */
  readonly #needs = new Map<bigint, Need[]>();

  /** @throws DATA_INVALID naming column and row. */
  check({ dictionary, codec }: MessageContents, arrays: readonly ArrayNode[]): void {
    if (codec) return;
    const needs = arrays.flatMap((array) => [...checkArray(array)]);
    if (!dictionary) {
      for (const need of [needs, ...this.#needs.values()].flat()) this.#require(need);
      return;
    }
    const { id, isDelta } = dictionary;
    const rows = arrays[0]!.length;
    this.#lengths.set(id, isDelta ? (this.#lengths.get(id) ?? 0) + rows : rows);
    this.#needs.set(id, isDelta ? [...(this.#needs.get(id) ?? []), ...needs] : needs);
  }

  #require({ field, length, row }: Need): void {
    const found = this.#lengths.get(field.dictionary!.id) ?? 0;
    if (length > found) throw outside(field, row, length, found);
  }
}

const outside = (field: ParsedField, row: number, length: number, found: number) =>
  dataInvalid(field, row, `an index below ${found}, the dictionary's length`, length - 1);

/** Checks an array and all below it; gives what they need of dictionaries. */
function* checkArray(array: ArrayNode): Iterable<Need> {
  const { field, length, nullCount, validity } = array;
  const { layout } = field;
  if (nullCount > 0) {
    const found = length - countBits(validity.bytes(), 0, length);
    if (found !== nullCount) throw dataInvalid(field, 0, `${nullCount} nulls, as its node says`, found);
  }
  if (field.dictionary) {
    const { max, row } = checkIndices(array, field.dictionary.indexType);
    if (max >= 0) yield { field, length: max + 1, row, found: array.dictionary?.length };
  }
  switch (layout.kind) {
    case 'binary':
      checkOffsets(array, layout.offsetWidth, array.buffers[1]!.byteLength);
      if (layout.isUtf8) checkText(array, layout.offsetWidth);
      break;
    case 'list':
      checkOffsets(array, layout.offsetWidth, array.children[0]!.length);
      break;
    case 'listView':
      checkSpans(array, layout.offsetWidth);
      break;
    case 'view':
      checkViews(array, layout.isUtf8);
      break;
    case 'union':
      checkUnion(array, layout.typeIds, layout.isDense);
      break;
    case 'runEnd':
      checkRuns(array);
      break;
  }
  for (const child of array.children) yield* checkArray(child);
}

import {
  type ArrayNode,
  arrayOfData,
  concatenate,
  type DataLike,
  equalArrays,
  type ParsedField,
  type VectorLike,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';

/** A dictionary message that has to be sent. */
export interface DictionaryUpdate {
  readonly array: ArrayNode;
  readonly id: bigint;
  readonly isDelta: boolean;
}

/** What a stream's consumers know of a dictionary: the first `length` rows of `parts`, which lie in the caller's memory. */
interface LiveDictionary {
  readonly values: ParsedField;
  readonly parts: readonly DataLike[];
  readonly length: number;
  /** Sent since it was last sent whole. */
  readonly deltas: number;
}

/** After so many deltas a dictionary comes whole again: a late consumer, and what is kept for it, is spared the history. */
export const MAX_DELTAS = 64;

/**
 * The dictionaries of one stream, across its batches: nothing is sent again that consumers have; what only grew is sent as a
 * delta, anything else as a replacement, and after many deltas all of it again. Refers to the caller's vectors for as long as they are live.
 */
export class Dictionaries {
  /** By id; inner ones before those that refer to them. */
  readonly #live = new Map<bigint, LiveDictionary>();

  /**
   * What has to be sent before a batch of these columns, in this order. An update counts as sent when the next is asked for.
   * @throws TABLE_UNRECOGNISED when the batch uses two different dictionaries of one id.
   */
  updates(columns: readonly ArrayNode[]): Iterable<DictionaryUpdate> {
    return this.#updates(columns, new Set());
  }

  /** `renewed`: ids that were sent whole for this batch, so that dictionaries which refer to them have to come again. */
  *#updates(arrays: readonly ArrayNode[], renewed: Set<bigint>): Iterable<DictionaryUpdate> {
    for (const { field, children, dictionary } of arrays) {
      yield* this.#updates(children, renewed);
      if (dictionary) yield* this.#update(field, dictionary, renewed);
    }
  }

  *#update(field: ParsedField, { data }: VectorLike, renewed: Set<bigint>): Iterable<DictionaryUpdate> {
    const { id } = field.dictionary!;
    const values = field.values!;
    const nonEmpty = data.filter((part) => part.length > 0);
    const parts = nonEmpty.length > 0 ? nonEmpty : data.slice(0, 1);
    if (values.nestedDictionaryIds.size > 0) yield* this.#innerUpdates(field, parts, renewed);

    const total = parts.reduce((rows, part) => rows + part.length, 0);
    const live = this.#live.get(id);
    const isStale = !renewed.has(id) && [...values.nestedDictionaryIds].some((inner) => renewed.has(inner));
    const isComparable = live !== undefined && !isStale && live.parts.every(isAttached);
    const isKnown = isComparable && agree(values, live.parts, parts, Math.min(live.length, total));
    if (isKnown && total <= live.length) return;
    // Values that refer to dictionaries come whole each time, because not every reader takes deltas of them.
    const isNested = values.nestedDictionaryIds.size > 0;
    const isMerged = isKnown && live.deltas >= MAX_DELTAS;
    const isGrown = isKnown && !isNested && !isMerged;
    if (!isGrown && renewed.has(id)) throw conflict(field);
    if (!isGrown) renewed.add(id);

    let length = isGrown ? live.length : 0;
    let deltas = isGrown ? live.deltas : 0;
    const arrays = [...windows(values, parts, length, total)];
    for (const array of isNested || isMerged ? [concatenate(arrays)] : arrays) {
      const isDelta = length > 0;
      yield { array, id, isDelta };
      length += array.length;
      deltas += isDelta ? 1 : 0;
      this.#live.set(id, { values, parts, length, deltas });
    }
  }

  /** The dictionaries that this one's values refer to, which are the same ones for all of its parts. */
  *#innerUpdates(field: ParsedField, parts: readonly DataLike[], renewed: Set<bigint>): Iterable<DictionaryUpdate> {
    for (const [index, part] of parts.entries()) {
      const renewedBefore = renewed.size;
      yield* this.#updates([arrayOfData(field.values!, part)], renewed);
      if (index > 0 && renewed.size > renewedBefore) throw conflict(field);
    }
  }
}

/** The rows from `begin` to `end` of all parts together, as one array for each part they lie in; at least one array. */
function* windows(values: ParsedField, parts: readonly DataLike[], begin: number, end: number): Iterable<ArrayNode> {
  let start = 0;
  for (const part of parts) {
    const [from, to] = [Math.max(begin - start, 0), Math.min(end - start, part.length)];
    if (from < to || end === 0) yield arrayOfData(values, part, from, to - from);
    start += part.length;
  }
}

/** Whether the memory of a part is still there: a released batch's is detached, and then nobody can tell what it was. */
function isAttached({ length, values, valueOffsets, children }: DataLike): boolean {
  const view = valueOffsets ?? values;
  const isGone = length > 0 && ArrayBuffer.isView(view) && view.byteLength === 0;
  return !isGone && children.every(isAttached);
}

/** Whether the first `length` rows of both are the same. */
function agree(values: ParsedField, a: readonly DataLike[], b: readonly DataLike[], length: number): boolean {
  let [indexA, indexB, offsetA, offsetB] = [0, 0, 0, 0];
  for (let left = length; left > 0; ) {
    const [partA, partB] = [a[indexA]!, b[indexB]!];
    const rows = Math.min(partA.length - offsetA, partB.length - offsetB, left);
    const isSame = partA === partB && offsetA === offsetB;
    if (!isSame && !equalArrays(arrayOfData(values, partA, offsetA, rows), arrayOfData(values, partB, offsetB, rows)))
      return false;
    left -= rows;
    offsetA += rows;
    offsetB += rows;
    if (offsetA === partA.length) [indexA, offsetA] = [indexA + 1, 0];
    if (offsetB === partB.length) [indexB, offsetB] = [indexB + 1, 0];
  }
  return true;
}

function conflict({ path, dictionary }: ParsedField): ArrowlabError {
  const where = `field ${JSON.stringify(path)}`;
  return new ArrowlabError(
    'TABLE_UNRECOGNISED',
    `${where}: expected one dictionary of id ${dictionary!.id} in a batch, found several that disagree; give each field an id of its own`,
  );
}

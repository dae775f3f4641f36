import { Vector } from 'apache-arrow';
import { ArrowlabError } from '../../errors.js';
import type { ArrayNode } from '../array.js';
import { toArrowData, toArrowSchema } from '../arrow-js.js';
import { concatenate } from '../concatenate.js';
import { arrayOfData } from '../data.js';
import type { ParsedField } from '../field.js';
import { dictionaryFields } from '../schema.js';
import { writerOf } from './closures.js';
import { Cursor } from './cursor.js';
import { DictionaryChunks } from './dictionary-chunks.js';
import { contentsOf } from './empty.js';
import type { Iterables } from './iterables.js';
import { Misfit } from './misfit.js';
import type { Write } from './scalar.js';
import { valueKey } from './value-key.js';

/** More parts than so many are made into one. */
const MAX_PARTS = 64;

type Data = ReturnType<typeof toArrowData>;

/** The dictionaries of a stream by their ids, as its rows have filled them. */
export class Dictionaries {
  readonly #byId = new Map<bigint, Dictionary>();
  readonly #rowBeingWritten: () => number;
  /** The last row of the batch that has added values: to which dictionaries, and what the values are found by. */
  #row = -1;
  readonly #grown: Dictionary[] = [];
  readonly #keys: string[] = [];
  #count = 0;

  /** `rowBeingWritten` counts from 0 in each batch. */
  constructor(fields: readonly ParsedField[], iterables: Iterables, rowBeingWritten: () => number) {
    this.#rowBeingWritten = rowBeingWritten;
    for (const field of dictionaryFields(fields)) {
      const { id } = field.dictionary!;
      if (!this.#byId.has(id)) this.#byId.set(id, new Dictionary(field, { dictionaries: this, iterables }));
    }
  }

  /** Undefined for a field that is not dictionary-encoded. */
  of({ dictionary }: ParsedField): Dictionary | undefined {
    return dictionary ? this.#byId.get(dictionary.id) : undefined;
  }

  vectorOf(field: ParsedField): Vector {
    return this.of(field)!.vector();
  }

  /** A dictionary has a value more, which is found by `key`. */
  note(dictionary: Dictionary, key: string): void {
    const row = this.#rowBeingWritten();
    if (row !== this.#row) this.keep();
    this.#row = row;
    this.#grown[this.#count] = dictionary;
    this.#keys[this.#count++] = key;
  }

  /** What was added stays: another batch begins. */
  keep(): void {
    this.#count = 0;
  }

  /** The row was refused: values that it alone brought would use up indices. Those before the last that began a chunk of memory stay all the same. */
  rollBack(): void {
    if (this.#row !== this.#rowBeingWritten()) return;
    while (this.#count > 0) this.#grown[--this.#count]!.removeLast(this.#keys[this.#count]!);
  }
}

/** The values of a dictionary, in the order in which rows had them first. They are appended to columns on the heap. */
export class Dictionary {
  readonly #dictionaries: Dictionaries;
  readonly #cursor: Cursor;
  readonly #chunks: DictionaryChunks;
  readonly #write: Write;
  readonly #writeEmpty: Write;
  readonly #isText: boolean;
  /** Indices by a value as it was given, where it is no object: the short way. */
  readonly #ofPrimitive = new Map<unknown, number>();
  /** Indices by `valueKey`. */
  readonly #ofKey = new Map<string, number>();
  #length = 0;
  #parts: Data[] = [];
  #maxParts = MAX_PARTS;
  #vector: Vector | undefined;

  constructor(field: ParsedField, memory: { dictionaries: Dictionaries; iterables: Iterables }) {
    const cursor = new Cursor(field.values!, memory);
    // No null: an index that counts may not refer to one.
    const writeEmpty = contentsOf(cursor);
    this.#dictionaries = memory.dictionaries;
    this.#cursor = cursor;
    this.#chunks = new DictionaryChunks(cursor);
    this.#write = writerOf(cursor);
    this.#writeEmpty = (_, row) => writeEmpty(row);
    this.#isText = ['Utf8', 'LargeUtf8', 'Utf8View'].includes(field.type.name);
  }

  /** Writes the indices of values into a column. */
  writerFor(cursor: Cursor): Write {
    const { bitWidth, isSigned } = cursor.field.dictionary!.indexType;
    const maxLength = 2 ** (isSigned ? bitWidth - 1 : bitWidth);
    const expected = `one of at most ${maxLength} different values, as ${isSigned ? '' : 'u'}int${bitWidth} indices can tell apart`;
    return (value, row) => {
      const index = this.#indexOf(value, maxLength, expected);
      if (bitWidth === 64) cursor.setInt64(row, index);
      else cursor.values[row] = index;
    };
  }

  /** Makes index 0 one that can be referred to. */
  ensureValue(): void {
    if (this.#length > 0) return;
    this.#chunks.append(this.#writeEmpty, null);
    this.#length++;
  }

  /** Takes back the last value, found by `key`, if that can be. */
  removeLast(key: string): void {
    if (!this.#chunks.removeLast()) return;
    this.#length--;
    if (this.#isText) this.#ofPrimitive.delete(key);
    else {
      this.#ofKey.delete(key);
      this.#ofPrimitive.clear(); // several may have led there; keys find the others again
    }
  }

  /** All values so far. Parts are the same objects as before; what is new is one more, until there are many of them. */
  vector(): Vector {
    const arrays = this.#chunks.take();
    if (this.#vector && arrays.length === 0) return this.#vector;
    if (arrays.length > 0) this.#extend(arrays);
    this.#vector = new Vector(arrays.length > 0 ? this.#parts : [this.#data(this.#chunks.empty())]);
    return this.#vector;
  }

  #indexOf(value: unknown, maxLength: number, expected: string): number {
    // A map takes both zeros for the same.
    const isPrimitive = typeof value !== 'object' && value !== 0;
    const known = isPrimitive ? this.#ofPrimitive.get(value) : undefined;
    const index = known ?? this.#add(value, maxLength, expected);
    if (index >= maxLength) throw Misfit.of(expected, value);
    if (isPrimitive && known === undefined) this.#ofPrimitive.set(value, index);
    return index;
  }

  #add(value: unknown, maxLength: number, expected: string): number {
    const row = this.#chunks.append(this.#write, value);
    const key = this.#isText ? undefined : valueKey(this.#cursor, row);
    const known = key === undefined ? undefined : this.#ofKey.get(key);
    if (known === undefined && this.#length < maxLength) {
      if (key !== undefined) this.#ofKey.set(key, this.#length);
      this.#dictionaries.note(this, key ?? (value as string));
      return this.#length++;
    }
    this.#chunks.removeLast();
    if (known !== undefined) return known;
    throw Misfit.of(expected, value);
  }

  #extend(arrays: readonly ArrayNode[]): void {
    const { field } = this.#cursor;
    // Values that refer to other dictionaries go out whole each time, and refer to those as they are now.
    const isWhole = field.nestedDictionaryIds.size > 0 || this.#parts.length >= this.#maxParts;
    const before = isWhole ? this.#parts.splice(0).map((part) => arrayOfData(field, part)) : [];
    this.#parts.push(...joined([...before, ...arrays]).map((array) => this.#data(array)));
    if (isWhole) this.#maxParts = Math.max(MAX_PARTS, 2 * this.#parts.length);
  }

  #data(array: ArrayNode): Data {
    const { type } = toArrowSchema({ fields: [array.field], metadata: new Map() }).fields[0]!;
    return toArrowData(array, type, ({ field }) => this.#dictionaries.vectorOf(field));
  }
}

/** All of the arrays as one, or as they are where one cannot hold them. */
function joined(arrays: readonly ArrayNode[]): readonly ArrayNode[] {
  try {
    return [concatenate(arrays)];
  } catch (error) {
    if (error instanceof ArrowlabError && error.code === 'ERR_ARROWLAB_IPC_UNSUPPORTED') return arrays;
    throw error;
  }
}

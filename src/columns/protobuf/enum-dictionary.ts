import type { DescEnum } from '@bufbuild/protobuf';
import { Utf8, vectorFromArray } from 'apache-arrow';
import type { DataLike, VectorLike } from '../shape.js';
import type { SlotDictionary } from './slot.js';

/** Parts that came one by one are joined when there are so many, because each is looked through in every batch. */
const MAX_PARTS = 32;

/** The numbers of an enum, each once, in the order of its declaration; an alias is not another number. */
export function enumNumbers({ values }: DescEnum): number[] {
  return [...new Set(values.map(({ number }) => number))];
}

/** The values of one dictionary-encoded column: all names from the start, then the digits of numbers that have none, as they come. */
export class EnumDictionary {
  readonly #indices = new Map<number, number>();
  readonly #parts: DataLike[];
  readonly #unnamed: string[] = [];
  #unnamedInParts = 0;

  constructor(dictionary: SlotDictionary) {
    const names = dictionary.kind === 'names' ? dictionary.names : namesOf(dictionary.of);
    const numbers = dictionary.kind === 'names' ? names.map((_, index) => index) : enumNumbers(dictionary.of);
    for (const [index, number] of numbers.entries()) this.#indices.set(number, index);
    this.#parts = [partOf(names)];
  }

  indexOf(number: number): number {
    const index = this.#indices.get(number);
    if (index !== undefined) return index;
    const next = this.#indices.size;
    this.#indices.set(number, next);
    this.#unnamed.push(String(number));
    return next;
  }

  values(): VectorLike {
    const unnamed = this.#unnamed;
    if (unnamed.length > this.#unnamedInParts) {
      this.#parts.push(partOf(unnamed.slice(this.#unnamedInParts)));
      this.#unnamedInParts = unnamed.length;
      if (this.#parts.length > MAX_PARTS) this.#parts.splice(1, this.#parts.length, partOf(unnamed));
    }
    const data = [...this.#parts];
    return { data, length: data.reduce((rows, part) => rows + part.length, 0) };
  }
}

function namesOf({ values }: DescEnum): string[] {
  const names = new Map<number, string>();
  for (const { number, name } of values) if (!names.has(number)) names.set(number, name);
  return [...names.values()];
}

function partOf(values: readonly string[]): DataLike {
  return vectorFromArray([...values], new Utf8()).data[0] as DataLike;
}

import type { ColumnType } from './column-type.js';
import { float64, int64, uint64 } from './primitive.js';
import type { SamplePlace } from './sample-place.js';

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

const ADVICE = 'make them of one kind, or define the schema, for example with a decimal';

/** Numbers and bigints seen at one place: the rows of the first one of each kind that decides on the type. */
export class SampledNumbers {
  #float: number | undefined;
  #bigint: number | undefined;
  #negative: number | undefined;
  /** Above int64. */
  #large: number | undefined;

  addNumber(value: number, place: SamplePlace): void {
    if (Number.isSafeInteger(value)) this.#addInteger(value < 0, false, value, place);
    else this.#addFloat(value, place);
  }

  addBigInt(value: bigint, place: SamplePlace): void {
    if (this.#float !== undefined) throw place.error(`a number as in row ${this.#float}`, value, ADVICE);
    if (value > MAX_UINT64 || value < -MAX_INT64 - 1n)
      throw place.error('an integer of at most 64 bits', value, ADVICE);
    this.#addInteger(value < 0n, value > MAX_INT64, value, place);
    this.#bigint ??= place.row;
  }

  /** The numbers before were those of an array of floats: its integers are floats too. */
  addFloats(place: SamplePlace): void {
    this.#addFloat('a float', place);
  }

  #addFloat(value: unknown, place: SamplePlace): void {
    if (this.#bigint !== undefined) {
      throw place.error(`an integer beside the bigint in row ${this.#bigint}`, value, ADVICE);
    }
    this.#float ??= place.row;
  }

  #addInteger(isNegative: boolean, isLarge: boolean, value: number | bigint, place: SamplePlace): void {
    if (isNegative && this.#large !== undefined) {
      throw place.error(`a positive integer beside the one above int64 in row ${this.#large}`, value, ADVICE);
    }
    if (isLarge && this.#negative !== undefined) {
      throw place.error(`an integer of int64 beside the negative one in row ${this.#negative}`, value, ADVICE);
    }
    if (isNegative) this.#negative ??= place.row;
    if (isLarge) this.#large ??= place.row;
  }

  columnType(): ColumnType<never> {
    if (this.#float !== undefined) return float64();
    return this.#large === undefined ? int64() : uint64();
  }
}

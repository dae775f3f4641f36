import { Bool, type DataType, Field, Float64, Int64, Schema, Uint64, Utf8 } from 'apache-arrow';
import { inferSchema } from '../../columns/define/index.js';
import { describeSchema, type ParsedSchema } from '../../columns/index.js';
import { BOOLEAN, INTEGER, NUMBER } from './csv-cell.js';

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** Columns, all of them nullable, of the types that all their cells have; text where there are none. */
export function inferCsvSchema(names: readonly string[], records: readonly (readonly string[])[]): ParsedSchema {
  const fields = names.map((name, column) => {
    const cells = records.map((record) => record[column]!).filter((text) => text !== '');
    return new Field(name, typeOf(cells), true);
  });
  return describeSchema(new Schema(fields));
}

function typeOf(cells: readonly string[]): DataType {
  const areAll = (pattern: RegExp) => cells.every((text) => pattern.test(text));
  if (cells.length === 0) return new Utf8();
  if (areAll(INTEGER)) return integerType(cells);
  if (areAll(NUMBER) && !cells.some(hasLeadingZero)) return new Float64();
  if (areAll(BOOLEAN)) return new Bool();
  const texts = cells.map((text) => ({ text: text.replace(/^(\d{4}-\d\d-\d\d) /, '$1T') }));
  return inferSchema(texts, { isoStrings: true }).fields[0]!.type;
}

/** What is beyond 64 bits has digits that no float keeps: it is text, such as numbers of cards. */
function integerType(cells: readonly string[]): DataType {
  let [least, most] = [0n, 0n];
  for (const text of cells) {
    const value = BigInt(text);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least >= MIN_INT64 && most <= MAX_INT64) return new Int64();
  return least >= 0n && most <= MAX_UINT64 ? new Uint64() : new Utf8();
}

/** A postal code, rather than a number. */
const hasLeadingZero = (text: string) => /^[+-]?0\d/.test(text);

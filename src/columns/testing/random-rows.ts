import fc from 'fast-check';
import type { ParsedField } from '../field.js';
import { dictionaryFields, type ParsedSchema } from '../schema.js';
import { arbitraryScalar, type Json, type RandomValue } from './random-scalars.js';

export { arbitrarySchema, type SchemaConstraints } from './random-schema.js';
export type { Json, RandomValue };

const jsonOfRow = new WeakMap<object, Json>();

/**
 * Rows of a schema, each value in one of the forms that a row may have it in. Those of a dictionary-encoded field repeat a few values.
 * A row can be appended any number of times.
 */
export function arbitraryRows(
  { fields }: ParsedSchema,
  lengths: { minLength?: number; maxLength?: number } = { maxLength: 20 },
): fc.Arbitrary<object[]> {
  const encoded = [...dictionaryFields(fields)];
  const pools = encoded.map(({ values }) =>
    fc.array(arbitraryValue(values!, NO_POOLS), { minLength: 1, maxLength: 5 }),
  );
  return fc.tuple(...pools).chain((drawn) => {
    const poolOf: Pools = new Map(encoded.map((field, index) => [field, drawn[index]!]));
    return fc.array(arbitraryRow(fields, poolOf), lengths);
  });
}

/**
 * A row of `arbitraryRows` as JSON: one element a column. Integers of 32 bits and booleans as they are; integers of 64 bits, and what
 * is stored as such (times, timestamps, durations, dates in milliseconds), as text; dates in days and times of 32 bits as the number
 * stored; floats as numbers (whole ones have no point), or "NaN", "Infinity", "-Infinity", "-0"; decimals as the unscaled integer's text; bytes as hex digits;
 * intervals as months, [days, milliseconds] or [months, days, "nanoseconds"]; lists as arrays; structs as an array of one value a child;
 * maps as an array of [key, value]; unions as [child's index, value]; nulls, of a union too where its child is null, as null.
 */
export const jsonOf = (row: object): Json => jsonOfRow.get(row)!;

type Pools = ReadonlyMap<ParsedField, readonly RandomValue[]>;
const NO_POOLS: Pools = new Map();

function arbitraryRow(fields: readonly ParsedField[], pools: Pools): fc.Arbitrary<object> {
  return arbitraryStruct(fields, pools).map(({ given, json }) => {
    jsonOfRow.set(given as object, json);
    return given as object;
  });
}

/** Whether a row of the field may be null: a union has no nulls but its children's. */
export function takesNull({ nullable, type, dictionary, children }: ParsedField): boolean {
  return (
    type.name === 'Null' || (nullable && (type.name !== 'Union' || dictionary !== null || children.some(takesNull)))
  );
}

const arbitraryNull: fc.Arbitrary<RandomValue> = fc
  .constantFrom(null, undefined)
  .map((given) => ({ given, json: null }));

function arbitraryValue(field: ParsedField, pools: Pools): fc.Arbitrary<RandomValue> {
  if (field.type.name === 'Null') return arbitraryNull;
  const pool = pools.get(field);
  const present = pool ? presentOf(pool) : arbitraryPresent(field, pools);
  if (!present) return takesNull(field) ? arbitraryNull : arbitraryPresent(field, NO_POOLS);
  return takesNull(field)
    ? fc.oneof({ weight: 4, arbitrary: present }, { weight: 1, arbitrary: arbitraryNull })
    : present;
}

function presentOf(pool: readonly RandomValue[]): fc.Arbitrary<RandomValue> | undefined {
  const values = pool.filter(({ given }) => given !== null && given !== undefined);
  return values.length > 0 ? fc.constantFrom(...values) : undefined;
}

function arbitraryPresent(field: ParsedField, pools: Pools): fc.Arbitrary<RandomValue> {
  const { type, children } = field;
  switch (type.name) {
    case 'List':
    case 'LargeList':
      return arbitraryList(children[0]!, pools, { maxLength: 5 });
    case 'FixedSizeList':
      return arbitraryList(children[0]!, pools, { minLength: type.listSize, maxLength: type.listSize });
    case 'Map':
      return arbitraryMap(children[0]!.children, pools);
    case 'Struct':
      return arbitraryStruct(children, pools);
    case 'Union':
      return fc.oneof(
        ...children.map((child, index) =>
          arbitraryValue(child, pools).map(({ given, json }) => ({
            given: Object.fromEntries([[child.name, given]]),
            json: json === null ? null : [index, json],
          })),
        ),
      );
    default:
      return arbitraryScalar(type);
  }
}

/** Of all names, those of a value `undefined` possibly left out; sometimes with a key that the schema does not have. */
function arbitraryStruct(fields: readonly ParsedField[], pools: Pools): fc.Arbitrary<RandomValue> {
  const values = fc.tuple(...fields.map((field) => arbitraryValue(field, pools)));
  return fc.tuple(values, fc.boolean(), fc.boolean()).map(([values, isSparse, hasMore]) => {
    const entries = fields
      .map(({ name }, index) => [name, values[index]!.given] as const)
      .filter(([, given]) => !isSparse || given !== undefined);
    const more = hasMore ? [['unknown to the schema', {}] as const] : [];
    return { given: Object.fromEntries([...entries, ...more]), json: values.map(({ json }) => json) };
  });
}

function arbitraryList(item: ParsedField, pools: Pools, lengths: { minLength?: number; maxLength: number }) {
  return fc.tuple(fc.array(arbitraryValue(item, pools), lengths), fc.nat(5)).map(([items, form]): RandomValue => {
    const given = items.map((value) => value.given);
    const forms = [given, given, iterable(given), { ...given, length: given.length }, typedArray(item, items) ?? given];
    return { given: forms[form] ?? given, json: items.map(({ json }) => json) };
  });
}

const iterable = <T>(items: readonly T[]): Iterable<T> => ({ [Symbol.iterator]: () => items.values() });

/** Of numbers without nulls, as the array of their class. */
function typedArray({ type, dictionary }: ParsedField, items: readonly RandomValue[]): object | undefined {
  if (dictionary || items.some(({ json }) => json === null)) return undefined;
  if (type.name === 'FloatingPoint' && type.precision > 0) {
    const numbers = items.map(({ json }) => Number(json));
    return type.precision === 1 ? Float32Array.from(numbers) : Float64Array.from(numbers);
  }
  if (type.name !== 'Int') return undefined;
  const { bitWidth, isSigned } = type;
  if (bitWidth === 64) {
    const integers = items.map(({ json }) => BigInt(json as string));
    return isSigned ? BigInt64Array.from(integers) : BigUint64Array.from(integers);
  }
  const classes = { 8: [Uint8Array, Int8Array], 16: [Uint16Array, Int16Array], 32: [Uint32Array, Int32Array] };
  return classes[bitWidth as keyof typeof classes][isSigned ? 1 : 0]!.from(items.map(({ json }) => Number(json)));
}

function arbitraryMap([key, value]: readonly ParsedField[], pools: Pools): fc.Arbitrary<RandomValue> {
  const entry = fc.tuple(arbitraryValue(key!, pools), arbitraryValue(value!, pools));
  const isText = key!.type.name.includes('Utf8');
  return fc.tuple(fc.array(entry, { maxLength: 4 }), fc.nat(3)).map(([entries, form]) => {
    const pairs = entries.map(([key, value]): [unknown, unknown] => [key.given, value.given]);
    const [map, object] = [new Map(pairs), Object.fromEntries(pairs)];
    const isSame = isText && pairs.every(([key], index) => Object.keys(object)[index] === key);
    const forms = [
      pairs,
      map.size === pairs.length ? map : pairs,
      isSame && Object.keys(object).length === pairs.length ? object : pairs,
      iterable(pairs),
    ];
    return { given: forms[form], json: entries.map(([key, value]) => [key.json, value.json]) };
  });
}

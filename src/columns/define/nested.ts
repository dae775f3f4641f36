import { integer, invalid, placeIn } from './argument.js';
import { asColumnType, type ColumnType, childrenOf, columnType } from './column-type.js';
import { int32 } from './primitive.js';
import type { ColumnTypes, IntegerValue, ListValue, MapValue, StructValue, UnionValue } from './row-value.js';

/** Ids of a union's children are bytes from 0 on. */
const MAX_UNION_CHILDREN = 128;

export function list<T>(items: ColumnType<T>): ColumnType<ListValue<T>> {
  return columnType({ name: 'List' }, [['item', asColumnType('list', items)]]);
}

/** With offsets of 64 bits: for more than 2^31 - 1 items in one batch. */
export function largeList<T>(items: ColumnType<T>): ColumnType<ListValue<T>> {
  return columnType({ name: 'LargeList' }, [['item', asColumnType('largeList', items)]]);
}

/** Lists of exactly `listSize` items. */
export function fixedSizeList<T>(listSize: number, items: ColumnType<T>): ColumnType<ListValue<T>> {
  integer('fixedSizeList', 'a number of items', listSize, 0, 2 ** 31 - 1);
  return columnType({ name: 'FixedSizeList', listSize }, [['item', asColumnType('fixedSizeList', items)]]);
}

/** Fields in the order of the object's keys; JavaScript puts keys that are integers first. */
export function struct<F extends ColumnTypes>(fields: F): ColumnType<StructValue<F>> {
  return columnType({ name: 'Struct' }, childrenOf('struct', fields));
}

export interface MapTypeOptions {
  /** Promises that the keys of each row are sorted. */
  readonly keysSorted?: boolean;
}

/** Keys are never null. */
export function map<K, V>(
  keys: ColumnType<K>,
  values: ColumnType<V>,
  { keysSorted = false }: MapTypeOptions = {},
): ColumnType<MapValue<K, V>> {
  if (asColumnType('map', keys).definition.nullable) {
    throw invalid('map', 'keys that are not nullable', String(keys));
  }
  const entries = columnType<never>({ name: 'Struct' }, [
    ['key', keys],
    ['value', asColumnType('map', values)],
  ]);
  return columnType({ name: 'Map', keysSorted }, [['entries', entries]]);
}

export interface UnionTypeOptions {
  /** How it lies in memory: children as long as they have values, or all as long as the union. Dense by default. */
  readonly mode?: 'dense' | 'sparse';
}

/** Children in the order of the object's keys, with ids from 0 on. */
export function union<F extends ColumnTypes>(
  children: F,
  { mode = 'dense' }: UnionTypeOptions = {},
): ColumnType<UnionValue<F>> {
  const named = childrenOf('union', children);
  integer('union', 'a number of children', named.length, 1, MAX_UNION_CHILDREN);
  return columnType(
    {
      name: 'Union',
      mode: placeIn('union', 'a mode', mode, ['sparse', 'dense']),
      typeIds: named.map((_, index) => index),
    },
    named,
  );
}

export interface DictionaryTypeOptions {
  /** Type of the indices; int32 by default. What it cannot count is an error once it comes. */
  readonly index?: ColumnType<IntegerValue>;
  /** Says that the order of the dictionary's values means something. */
  readonly ordered?: boolean;
}

/** Values kept once each, and rows that refer to them. Wrap this in `nullable`, not the values. */
export function dictionary<T>(
  values: ColumnType<T>,
  { index = int32(), ordered = false }: DictionaryTypeOptions = {},
): ColumnType<T> {
  const { definition } = asColumnType('dictionary', values);
  const { type } = asColumnType('dictionary', index).definition;
  if (definition.dictionary) throw invalid('dictionary', 'values that are not a dictionary themselves', String(values));
  if (definition.nullable) {
    throw invalid(
      'dictionary',
      'values that are not nullable (wrap the dictionary: `nullable(dictionary(...))`)',
      String(values),
    );
  }
  if (type.name !== 'Int' || index.definition.nullable || index.definition.dictionary) {
    throw invalid('dictionary', 'an index type such as int8(), not nullable', String(index));
  }
  return values.with({ dictionary: { indexType: type, isOrdered: ordered } });
}

// The rows of `columns`: ten fields with strings, nulls, a struct and a list, in the form that each library takes them in.

import * as flechette from '@uwdata/flechette';
import { columnFromArray, tableFromColumns } from '@uwdata/flechette';
import {
  Bool,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeBuilder,
  Struct,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import * as arrowlab from '../../dist/index.js';

const { bool, float64, int32, int64, list, nullable, struct, timestamp, utf8 } = arrowlab;

export const schema = arrowlab.schema({
  id: int64(),
  name: utf8(),
  price: float64(),
  quantity: int32(),
  isOpen: bool(),
  note: nullable(utf8()),
  at: timestamp('ms', 'UTC'),
  where: struct({ lat: float64(), lon: float64() }),
  tags: list(utf8()),
  score: nullable(float64()),
});

const TAGS = ['new', 'used', 'returned', 'on sale', 'last one'];
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Different rows: few enough to stay in the processor's caches, as rows do that were made just before. */
const DIFFERENT_ROWS = 4_096;

/** `count` rows, the same ones again and again. `idOf` makes ids of numbers. */
export function sampleRows(count, idOf = (id) => id) {
  const different = Array.from({ length: DIFFERENT_ROWS }, (_, i) => ({
    id: idOf(1_000_000 + i),
    name: `item number ${i}`,
    price: (i % 500) / 4,
    quantity: i % 97,
    isOpen: i % 3 === 0,
    note: i % 4 === 0 ? `a note on item ${i % 100}` : null,
    at: EPOCH_MS + i * 1_000,
    where: { lat: (i % 180) - 90, lon: (i % 360) - 180 },
    tags: TAGS.slice(0, i % 4),
    score: i % 5 === 0 ? null : i / 7,
  }));
  return Array.from({ length: count }, (_, i) => different[i % DIFFERENT_ROWS]);
}

const field = (name, type, isNullable = false) => new Field(name, type, isNullable);
const row = new Struct([
  field('id', new Int64()),
  field('name', new Utf8()),
  field('price', new Float64()),
  field('quantity', new Int32()),
  field('isOpen', new Bool()),
  field('note', new Utf8(), true),
  field('at', new TimestampMillisecond('UTC')),
  field('where', new Struct([field('lat', new Float64()), field('lon', new Float64())])),
  field('tags', new List(field('item', new Utf8()))),
  field('score', new Float64(), true),
]);

/** By the builders of apache-arrow, which take 64-bit integers as bigints; gives the vector. */
export function buildByApacheArrow(rows) {
  const builder = makeBuilder({ type: row, nullValues: [null] });
  for (const row of rows) builder.append(row);
  return builder.finish().toVector();
}

const f = flechette;
const COLUMNS = {
  id: f.int64(),
  name: f.utf8(),
  price: f.float64(),
  quantity: f.int32(),
  isOpen: f.bool(),
  note: f.utf8(),
  at: f.timestamp(f.TimeUnit.MILLISECOND, 'UTC'),
  where: f.struct({ lat: f.float64(), lon: f.float64() }),
  tags: f.list(f.utf8()),
  score: f.float64(),
};

/** By flechette, which takes arrays of values. */
export function buildByFlechette(rows) {
  const columns = Object.entries(COLUMNS).map(([name, type]) => [
    name,
    columnFromArray(
      rows.map((row) => row[name]),
      type,
    ),
  ]);
  return tableFromColumns(columns);
}

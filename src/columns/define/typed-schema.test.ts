import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeSchema } from '../describe.js';
import type { ParsedField } from '../field.js';
import { dictionaryFields } from '../schema.js';
import * as define from './index.js';

type Built = define.ColumnType<never>;

/** One type, by this library's builder and by apache-arrow's constructors. */
interface Both {
  readonly built: Built;
  readonly arrow: arrow.DataType;
  readonly isNullable: boolean;
  readonly metadata: Record<string, string>;
}

const plain = (built: Built, type: arrow.DataType): Both => ({ built, arrow: type, isNullable: false, metadata: {} });

const scalars: Both[] = [
  plain(define.int8(), new arrow.Int8()),
  plain(define.int16(), new arrow.Int16()),
  plain(define.int32(), new arrow.Int32()),
  plain(define.int64(), new arrow.Int64()),
  plain(define.uint8(), new arrow.Uint8()),
  plain(define.uint16(), new arrow.Uint16()),
  plain(define.uint32(), new arrow.Uint32()),
  plain(define.uint64(), new arrow.Uint64()),
  plain(define.float16(), new arrow.Float16()),
  plain(define.float32(), new arrow.Float32()),
  plain(define.float64(), new arrow.Float64()),
  plain(define.bool(), new arrow.Bool()),
  plain(define.utf8(), new arrow.Utf8()),
  plain(define.largeUtf8(), new arrow.LargeUtf8()),
  plain(define.utf8View(), new arrow.Utf8View()),
  plain(define.binary(), new arrow.Binary()),
  plain(define.largeBinary(), new arrow.LargeBinary()),
  plain(define.binaryView(), new arrow.BinaryView()),
  plain(define.fixedSizeBinary(3), new arrow.FixedSizeBinary(3)),
  plain(define.decimal32(9, 2), new arrow.Decimal(2, 9, 32)),
  plain(define.decimal64(18), new arrow.Decimal(0, 18, 64)),
  plain(define.decimal128(38, -5), new arrow.Decimal(-5, 38, 128)),
  plain(define.decimal256(76, 76), new arrow.Decimal(76, 76, 256)),
  plain(define.date32(), new arrow.DateDay()),
  plain(define.date64(), new arrow.DateMillisecond()),
  plain(define.time32('s'), new arrow.TimeSecond()),
  plain(define.time32('ms'), new arrow.TimeMillisecond()),
  plain(define.time64('us'), new arrow.TimeMicrosecond()),
  plain(define.time64('ns'), new arrow.TimeNanosecond()),
  plain(define.timestamp('s'), new arrow.TimestampSecond()),
  plain(define.timestamp('ms', 'UTC'), new arrow.TimestampMillisecond('UTC')),
  plain(define.timestamp('us', '+02:00'), new arrow.TimestampMicrosecond('+02:00')),
  plain(define.timestamp('ns', 'Europe/Paris'), new arrow.TimestampNanosecond('Europe/Paris')),
  plain(define.duration('s'), new arrow.DurationSecond()),
  plain(define.duration('ms'), new arrow.DurationMillisecond()),
  plain(define.duration('us'), new arrow.DurationMicrosecond()),
  plain(define.duration('ns'), new arrow.DurationNanosecond()),
  plain(define.interval('year_month'), new arrow.Interval(arrow.IntervalUnit.YEAR_MONTH)),
  plain(define.interval('day_time'), new arrow.Interval(arrow.IntervalUnit.DAY_TIME)),
  plain(define.interval('month_day_nano'), new arrow.Interval(arrow.IntervalUnit.MONTH_DAY_NANO)),
];

const indices = [
  [define.int8(), new arrow.Int8()],
  [define.uint16(), new arrow.Uint16()],
  [undefined, new arrow.Int32()],
] as const;

const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '', '1', 'a.b', '"'));

const fieldOf = (name: string, { arrow: type, isNullable, metadata }: Both) =>
  new arrow.Field(name, type, isNullable, new Map(Object.entries(metadata)));

/** An object of names that has `__proto__` as its own where it is one of them. */
const objectOf = (children: [string, Both][]) => Object.fromEntries(children.map(([name, { built }]) => [name, built]));

/** Integer keys come first in JavaScript's objects, so that is the order expected. */
const fieldsOf = (children: [string, Both][]) => {
  const byName = new Map(children);
  return Object.keys(objectOf(children)).map((name) => fieldOf(name, byName.get(name)!));
};

const namedTypes = (type: fc.Arbitrary<Both>, minLength: number) =>
  fc.uniqueArray(fc.tuple(names, type), { selector: ([name]) => name, minLength, maxLength: 4 });

const { type: types } = fc.letrec<{ type: Both; wrapped: Both; nested: Both; unwrapped: Both; encoded: Both }>(
  (tie) => ({
    type: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom(...scalars), tie('wrapped')),
    wrapped: fc.oneof(
      tie('unwrapped'),
      tie('unwrapped').map((both) =>
        both.arrow.typeId === arrow.Type.Union
          ? both
          : { ...both, built: define.nullable(both.built), isNullable: true },
      ),
      fc.tuple(tie('type'), fc.dictionary(fc.string(), fc.string())).map(([both, metadata]) => ({
        ...both,
        built: define.withMetadata(both.built, metadata),
        metadata,
      })),
      fc.constant({ built: define.nullType(), arrow: new arrow.Null(), isNullable: true, metadata: {} }),
    ),
    unwrapped: fc.oneof({ depthSize: 'small' }, fc.constantFrom(...scalars), tie('encoded'), tie('nested')),
    encoded: fc
      .tuple(fc.oneof({ depthSize: 'small' }, fc.constantFrom(...scalars), tie('nested')), fc.nat(2), fc.boolean())
      .map(([values, place, ordered]) => {
        const [index, indexType] = indices[place]!;
        return plain(
          define.dictionary(values.built, { ordered, ...(index && { index }) }),
          new arrow.Dictionary(values.arrow, indexType, null, ordered),
        );
      }),
    nested: fc.oneof(
      tie('type').map((item) => plain(define.list(item.built), new arrow.List(fieldOf('item', item)))),
      tie('type').map((item) => plain(define.largeList(item.built), new arrow.LargeList(fieldOf('item', item)))),
      fc
        .tuple(fc.nat(5), tie('type'))
        .map(([size, item]) =>
          plain(define.fixedSizeList(size, item.built), new arrow.FixedSizeList(size, fieldOf('item', item))),
        ),
      namedTypes(tie('type'), 0).map((children) =>
        plain(define.struct(objectOf(children)), new arrow.Struct(fieldsOf(children))),
      ),
      fc.tuple(namedTypes(tie('type'), 1), fc.constantFrom('dense', 'sparse')).map(([children, mode]) => {
        const ids = children.map((_, index) => index);
        return plain(
          define.union(objectOf(children), { mode }),
          new arrow.Union(mode === 'dense' ? 1 : 0, ids, fieldsOf(children)),
        );
      }),
      fc
        .tuple(fc.constantFrom(...scalars), tie('type'), fc.boolean())
        .map(([key, value, keysSorted]) =>
          plain(
            define.map(key.built, value.built, { keysSorted }),
            new arrow.Map_(
              new arrow.Field(
                'entries',
                new arrow.Struct<arrow.TypeMap>([fieldOf('key', key), fieldOf('value', value)]),
              ) as never,
              keysSorted,
            ),
          ),
        ),
    ),
  }),
);

/** All of a field but the id of its dictionary. */
const shape = ({ name, path, nullable, type, children, dictionary, metadata }: ParsedField): object => ({
  ...{ name, path, nullable, type, metadata },
  dictionary: dictionary && { indexType: dictionary.indexType, isOrdered: dictionary.isOrdered },
  children: children.map(shape),
});

test('a schema is what the constructors of apache-arrow give, and each dictionary has an id of its own', () => {
  const metadata = fc.dictionary(fc.string(), fc.string());
  fc.assert(
    fc.property(namedTypes(types, 0), metadata, (columns, metadata) => {
      const built = define.schema(objectOf(columns), { metadata });
      const expected = new arrow.Schema(fieldsOf(columns), new Map(Object.entries(metadata)));
      expect(built).toBeInstanceOf(arrow.Schema);
      const [found, wanted] = [describeSchema(built), describeSchema(expected)];
      expect(found.fields.map(shape)).toEqual(wanted.fields.map(shape));
      expect(found.metadata).toEqual(wanted.metadata);
      const ids = [...dictionaryFields(found.fields)].map(({ dictionary }) => dictionary!.id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
    { numRuns: 500 },
  );
});

test('one type in two places has two dictionaries', () => {
  const city = define.dictionary(define.utf8());
  const { fields } = define.schema({ from: city, to: city, via: define.list(city) });
  expect(new Set([fields[0]!.type.id, fields[1]!.type.id, fields[2]!.type.children[0].type.id]).size).toBe(3);
});

test('wrapping twice is wrapping once, and metadata stays', () => {
  const type = define.nullable(define.nullable(define.withMetadata(define.int8(), { a: 'b' })));
  const { fields } = define.schema({ x: type });
  expect([fields[0]!.nullable, fields[0]!.metadata]).toEqual([true, new Map([['a', 'b']])]);
});

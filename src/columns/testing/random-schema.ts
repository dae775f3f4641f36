import fc from 'fast-check';
import { ParsedField } from '../field.js';
import type { ParsedSchema } from '../schema.js';
import type { ArrowType, IntType, TypeName } from '../type.js';

/** A field before it has a path and its dictionary an id. */
interface Sketch {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ArrowType;
  readonly children: readonly Sketch[];
  readonly indexType: IntType | null;
}

export interface SchemaConstraints {
  /** Types that a reader does not know. */
  readonly without?: readonly TypeName[];
  readonly maxFields?: number;
  /** Levels of nesting. */
  readonly maxDepth?: number;
}

/** Schemas of all of the types that apache-arrow knows, with names of all kinds, and dictionaries at any depth. */
export function arbitrarySchema(constraints: SchemaConstraints = {}): fc.Arbitrary<ParsedSchema> {
  const { without = [], maxFields = 5, maxDepth = 3 } = constraints;
  return sketches(maxDepth, new Set(without), { minLength: 1, maxLength: maxFields }).map((fields) => ({
    fields: parsed(fields),
    metadata: new Map(),
  }));
}

/** Names that must never become code, or be found on a prototype. */
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '0',
  'a.b',
  "it's",
  'say "x"',
  '`;process.exit(1);`',
  '\\',
  'line\nbreak',
  '\u2028\u2029',
  '\ud83d\ude00',
  '"); process.exit(1); ("',
  '*/',
  'row',
  'length',
];
const arbitraryName = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...'abcdefgh'), minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NAMES) },
);

const INDEX_TYPES: IntType[] = [8, 16, 32, 64].flatMap((bitWidth) =>
  [true, false].map((isSigned): IntType => ({ name: 'Int', bitWidth, isSigned })),
);
/** Most fields are not dictionary-encoded. */
const arbitraryIndex: fc.Arbitrary<IntType | null> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(...INDEX_TYPES) },
);
const MAX_PRECISIONS = { 32: 9, 64: 18, 128: 38, 256: 76 };
const UNITS = [0, 1, 2, 3];

const arbitraryDecimal = fc
  .constantFrom(32, 64, 128, 256)
  .chain((bitWidth) =>
    fc
      .integer({ min: 1, max: MAX_PRECISIONS[bitWidth as keyof typeof MAX_PRECISIONS] })
      .chain((precision) =>
        fc
          .integer({ min: -3, max: precision })
          .map((scale): ArrowType => ({ name: 'Decimal', precision, scale, bitWidth })),
      ),
  );

const FLAT_TYPES: fc.Arbitrary<ArrowType>[] = [
  fc.constantFrom(...INDEX_TYPES),
  fc.constantFrom(0, 1, 2).map((precision): ArrowType => ({ name: 'FloatingPoint', precision })),
  fc.constantFrom('Utf8', 'LargeUtf8', 'Utf8View').map((name): ArrowType => ({ name })),
  fc.constantFrom('Binary', 'LargeBinary', 'BinaryView').map((name): ArrowType => ({ name })),
  fc.constantFrom('Utf8', 'Bool').map((name): ArrowType => ({ name })),
  fc.constant<ArrowType>({ name: 'Null' }),
  arbitraryDecimal,
  fc.constantFrom(0, 1).map((unit): ArrowType => ({ name: 'Date', unit })),
  fc.constantFrom(...UNITS).map((unit): ArrowType => ({ name: 'Time', unit, bitWidth: unit < 2 ? 32 : 64 })),
  fc
    .tuple(fc.constantFrom(...UNITS), fc.constantFrom(null, 'UTC', 'Europe/Paris'))
    .map(([unit, timezone]): ArrowType => ({ name: 'Timestamp', unit, timezone })),
  fc.constantFrom(...UNITS).map((unit): ArrowType => ({ name: 'Duration', unit })),
  fc.constantFrom(0, 1, 2).map((unit): ArrowType => ({ name: 'Interval', unit })),
  fc.integer({ min: 0, max: 20 }).map((byteWidth): ArrowType => ({ name: 'FixedSizeBinary', byteWidth })),
];

const KEY_TYPES: fc.Arbitrary<ArrowType>[] = [
  fc.constantFrom('Utf8', 'LargeUtf8', 'Utf8View').map((name): ArrowType => ({ name })),
  fc.constantFrom(...INDEX_TYPES),
];

type Without = ReadonlySet<TypeName>;

const allowed = (types: readonly fc.Arbitrary<ArrowType>[], without: Without) =>
  fc.oneof(...types).filter(({ name }) => !without.has(name));

function sketches(depth: number, without: Without, count: { minLength: number; maxLength: number }) {
  const named = fc
    .tuple(arbitraryName, sketch(depth, without))
    .map(([name, properties]): Sketch => ({ ...properties, name }));
  return fc.uniqueArray(named, { ...count, selector: ({ name }) => name });
}

function sketch(depth: number, without: Without): fc.Arbitrary<Omit<Sketch, 'name'>> {
  const flat = allowed(FLAT_TYPES, without).map((type) => ({ type, children: [] }));
  const described = depth === 0 ? flat : fc.oneof({ weight: 12, arbitrary: flat }, ...nested(depth - 1, without));
  return fc.tuple(described, fc.boolean(), arbitraryIndex).map(([{ type, children }, nullable, index]) => {
    const isEncodable = type.name !== 'Null' && type.name !== 'Union';
    return { type, children, nullable: nullable || type.name === 'Null', indexType: isEncodable ? index : null };
  });
}

type Described = Pick<Sketch, 'type' | 'children'>;

function nested(depth: number, without: Without): { weight: number; arbitrary: fc.Arbitrary<Described> }[] {
  const child = (name: string) => sketch(depth, without).map((properties): Sketch => ({ ...properties, name }));
  const list = (type: ArrowType) => child('item').map((item): Described => ({ type, children: [item] }));
  const struct = sketches(depth, without, { minLength: 0, maxLength: 3 }).map(
    (children): Described => ({ type: { name: 'Struct' }, children }),
  );
  const union = fc
    .tuple(sketches(depth, without, { minLength: 1, maxLength: 3 }), fc.constantFrom(0, 1), fc.boolean())
    .map(([children, mode, isOdd]): Described => {
      const typeIds = children.map((_, index) => (isOdd ? 100 - 7 * index : index));
      return { type: { name: 'Union', mode, typeIds }, children };
    });
  const key = allowed(KEY_TYPES, without).chain((type) =>
    arbitraryIndex.map((indexType): Sketch => ({ name: 'key', nullable: false, type, children: [], indexType })),
  );
  const map = fc.tuple(key, child('value')).map(([key, value]): Described => {
    const entries: Sketch = {
      name: 'entries',
      nullable: false,
      type: { name: 'Struct' },
      children: [key, value],
      indexType: null,
    };
    return { type: { name: 'Map', keysSorted: false }, children: [entries] };
  });
  const fixed = fc.integer({ min: 0, max: 3 }).chain((listSize) => list({ name: 'FixedSizeList', listSize }));
  const all: [TypeName, fc.Arbitrary<Described>][] = [
    ['Struct', struct],
    ['List', list({ name: 'List' })],
    ['LargeList', list({ name: 'LargeList' })],
    ['FixedSizeList', fixed],
    ['Map', map],
    ['Union', union],
  ];
  return all.filter(([name]) => !without.has(name)).map(([, arbitrary]) => ({ weight: 1, arbitrary }));
}

/** Fields in their order, each dictionary with an id of its own. */
function parsed(fields: readonly Sketch[]): ParsedField[] {
  let id = 0n;
  const parse = ({ name, nullable, type, children, indexType }: Sketch, parent: string): ParsedField => {
    const path = parent ? `${parent}.${name}` : name;
    return new ParsedField(path, {
      name,
      nullable,
      type,
      children: children.map((child) => parse(child, path)),
      dictionary: indexType && { id: id++, indexType, isOrdered: false },
      metadata: new Map(),
    });
  };
  return fields.map((field) => parse(field, ''));
}

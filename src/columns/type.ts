/** The names of Arrow's types; a type's place in this list is its tag in Schema.fbs and its `typeId` in apache-arrow. */
export const TYPE_NAMES = [
  'NONE',
  'Null',
  'Int',
  'FloatingPoint',
  'Binary',
  'Utf8',
  'Bool',
  'Decimal',
  'Date',
  'Time',
  'Timestamp',
  'Interval',
  'List',
  'Struct',
  'Union',
  'FixedSizeBinary',
  'FixedSizeList',
  'Map',
  'Duration',
  'LargeBinary',
  'LargeUtf8',
  'LargeList',
  'RunEndEncoded',
  'BinaryView',
  'Utf8View',
  'ListView',
  'LargeListView',
] as const;

export type TypeName = Exclude<(typeof TYPE_NAMES)[number], 'NONE'>;

export interface IntType {
  readonly name: 'Int';
  readonly bitWidth: number;
  readonly isSigned: boolean;
}

/** A logical type with its parameters, named as in Schema.fbs. Units, precisions and modes are Schema.fbs's numbers. */
export type ArrowType =
  | IntType
  | { readonly name: 'FloatingPoint'; readonly precision: number }
  | { readonly name: 'Decimal'; readonly precision: number; readonly scale: number; readonly bitWidth: number }
  | { readonly name: 'Date'; readonly unit: number }
  | { readonly name: 'Time'; readonly unit: number; readonly bitWidth: number }
  | { readonly name: 'Timestamp'; readonly unit: number; readonly timezone: string | null }
  | { readonly name: 'Interval'; readonly unit: number }
  | { readonly name: 'Duration'; readonly unit: number }
  | { readonly name: 'Union'; readonly mode: number; readonly typeIds: readonly number[] }
  | { readonly name: 'FixedSizeBinary'; readonly byteWidth: number }
  | { readonly name: 'FixedSizeList'; readonly listSize: number }
  | { readonly name: 'Map'; readonly keysSorted: boolean }
  | {
      readonly name: Exclude<
        TypeName,
        | 'Int'
        | 'FloatingPoint'
        | 'Decimal'
        | 'Date'
        | 'Time'
        | 'Timestamp'
        | 'Interval'
        | 'Duration'
        | 'Union'
        | 'FixedSizeBinary'
        | 'FixedSizeList'
        | 'Map'
      >;
    };

const unitIn = (unit: number, count: number) => Number.isInteger(unit) && unit >= 0 && unit < count;

/** Whether every parameter of `type` has a value that the format defines. */
export function isDefined(type: ArrowType): boolean {
  switch (type.name) {
    case 'Int':
      return [8, 16, 32, 64].includes(type.bitWidth);
    case 'FloatingPoint':
      return unitIn(type.precision, 3);
    case 'Decimal':
      return [32, 64, 128, 256].includes(type.bitWidth);
    case 'Date':
      return unitIn(type.unit, 2);
    case 'Time':
      return unitIn(type.unit, 4) && type.bitWidth === (type.unit < 2 ? 32 : 64);
    case 'Timestamp':
    case 'Duration':
      return unitIn(type.unit, 4);
    case 'Interval':
      return unitIn(type.unit, 3);
    case 'Union':
      return unitIn(type.mode, 2) && type.typeIds.every((id) => unitIn(id, 128));
    case 'FixedSizeBinary':
      return unitIn(type.byteWidth, 2 ** 31);
    case 'FixedSizeList':
      return unitIn(type.listSize, 2 ** 31);
    default:
      return true;
  }
}

/** A type for people, such as `Int { bitWidth: 32, isSigned: true }`. */
export function typeText({ name, ...parameters }: ArrowType): string {
  const texts = Object.entries(parameters).map(
    ([key, value]) => `${key}: ${Array.isArray(value) ? `[${value}]` : value}`,
  );
  return texts.length === 0 ? name : `${name} { ${texts.join(', ')} }`;
}

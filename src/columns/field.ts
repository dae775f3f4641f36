import { type Layout, layoutOf } from './layout.js';
import { type ArrowType, type IntType, isDefined, typeText } from './type.js';

export interface DictionaryEncoding {
  readonly id: bigint;
  readonly indexType: IntType;
  readonly isOrdered: boolean;
}

/** Everything about a field but what follows from it. `type` and `children` are the values' ones if there is a dictionary. */
export interface FieldProperties {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ArrowType;
  readonly children: readonly ParsedField[];
  readonly dictionary: DictionaryEncoding | null;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A field of a schema, independent of any Arrow library. */
export class ParsedField implements FieldProperties {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ArrowType;
  readonly children: readonly ParsedField[];
  readonly dictionary: DictionaryEncoding | null;
  readonly metadata: ReadonlyMap<string, string>;
  /** The names from the top-level field down, joined by dots; for messages. */
  readonly path: string;
  /** Of the array itself: the indices', where there is a dictionary. */
  readonly layout: Layout;
  /** Of the dictionary: the same field without the encoding. Undefined where there is none. */
  readonly values: ParsedField | undefined;
  /** Ids of the dictionaries below this field, its own not included. */
  readonly nestedDictionaryIds: ReadonlySet<bigint>;

  /** @throws RangeError when the type's parameters or children are not ones that the format defines. */
  constructor(path: string, properties: FieldProperties) {
    const { name, nullable, type, children, dictionary, metadata } = properties;
    checkType(path, properties);
    this.path = path;
    this.name = name;
    this.nullable = nullable;
    this.type = type;
    this.children = children;
    this.dictionary = dictionary;
    this.metadata = metadata;
    this.layout = layoutOf(dictionary?.indexType ?? type);
    this.values = dictionary ? new ParsedField(path, { ...properties, nullable: true, dictionary: null }) : undefined;
    this.nestedDictionaryIds = new Set(
      children.flatMap(({ dictionary, nestedDictionaryIds }) => [
        ...nestedDictionaryIds,
        ...(dictionary ? [dictionary.id] : []),
      ]),
    );
  }
}

const CHILD_COUNTS: Partial<Record<ArrowType['name'], number>> = {
  List: 1,
  LargeList: 1,
  ListView: 1,
  LargeListView: 1,
  FixedSizeList: 1,
  Map: 1,
  RunEndEncoded: 2,
};

function checkType(path: string, { type, children, dictionary }: FieldProperties): void {
  const field = `field ${JSON.stringify(path)} of type ${typeText(type)}`;
  if (!isDefined(type)) throw new RangeError(`${field}: expected parameters that Arrow defines, found others`);
  if (dictionary && !isDefined(dictionary.indexType)) {
    throw new RangeError(
      `${field}: expected dictionary indices of 8, 16, 32 or 64 bits, found ${dictionary.indexType.bitWidth}`,
    );
  }
  if (type.name !== 'Struct') {
    const expected = type.name === 'Union' ? type.typeIds.length : (CHILD_COUNTS[type.name] ?? 0);
    if (children.length !== expected) {
      throw new RangeError(`${field}: expected ${expected} children, found ${children.length}`);
    }
  }
  const child = children[0];
  if (type.name === 'Map' && (child?.type.name !== 'Struct' || child.children.length !== 2 || child.dictionary)) {
    throw new RangeError(`${field}: expected a struct of key and value as its child, found another`);
  }
  if (
    type.name === 'RunEndEncoded' &&
    !(child?.type.name === 'Int' && child.type.isSigned && child.type.bitWidth > 8)
  ) {
    throw new RangeError(`${field}: expected run ends of int16, int32 or int64, found others`);
  }
}

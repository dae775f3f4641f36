import {
  Binary,
  BinaryView,
  Bool,
  type Data,
  type DataType,
  Date_,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  type Int32,
  Interval,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  Map_,
  makeData,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Time,
  Timestamp,
  Union,
  Utf8,
  Utf8View,
  Vector,
} from 'apache-arrow';
import { ArrowlabError } from '../errors.js';
import type { ArrayNode } from './array.js';
import type { BufferSource } from './buffer.js';
import type { ParsedField } from './field.js';
import type { ParsedSchema } from './schema.js';
import type { VectorLike } from './shape.js';
import { type IntType, typeText } from './type.js';

/** The dictionary that an array's indices refer to; undefined for an empty one. */
export type DictionaryOf = (array: ArrayNode) => Vector | undefined;

/**
 * A schema as apache-arrow's own class. Fields of one dictionary id share the dictionary's type, as its Schema demands.
 * @throws TYPE_UNSUPPORTED naming the field whose type apache-arrow has no class for.
 */
export function toArrowSchema({ fields, metadata }: ParsedSchema): Schema {
  const dictionaryTypes = new Map<bigint, DataType>();
  return new Schema(
    fields.map((field) => toArrowField(field, dictionaryTypes)),
    new Map(metadata),
  );
}

function toArrowField(field: ParsedField, dictionaryTypes: Map<bigint, DataType>): Field {
  return new Field(field.name, toArrowType(field, dictionaryTypes), field.nullable, new Map(field.metadata));
}

function toArrowType(field: ParsedField, dictionaryTypes: Map<bigint, DataType>): DataType {
  const { dictionary, values } = field;
  if (!dictionary || !values) return toValueType(field, dictionaryTypes);
  if (BigInt(Number(dictionary.id)) !== dictionary.id) {
    throw unsupported(field, `a dictionary of id ${dictionary.id}, which is no exact number`);
  }
  const valueType = dictionaryTypes.get(dictionary.id) ?? toValueType(values, dictionaryTypes);
  dictionaryTypes.set(dictionary.id, valueType);
  return new Dictionary(valueType, toInt(dictionary.indexType) as Int32, Number(dictionary.id), dictionary.isOrdered);
}

const toInt = ({ isSigned, bitWidth }: IntType) => new Int(isSigned, bitWidth as 8 | 16 | 32 | 64);

function toValueType(field: ParsedField, dictionaryTypes: Map<bigint, DataType>): DataType {
  const { type } = field;
  const children = () => field.children.map((child) => toArrowField(child, dictionaryTypes));
  switch (type.name) {
    case 'Null':
      return new Null();
    case 'Int':
      return toInt(type);
    case 'FloatingPoint':
      return new Float(type.precision);
    case 'Binary':
      return new Binary();
    case 'LargeBinary':
      return new LargeBinary();
    case 'BinaryView':
      return new BinaryView();
    case 'Utf8':
      return new Utf8();
    case 'LargeUtf8':
      return new LargeUtf8();
    case 'Utf8View':
      return new Utf8View();
    case 'Bool':
      return new Bool();
    case 'Decimal':
      return new Decimal(type.scale, type.precision, type.bitWidth);
    case 'Date':
      return new Date_(type.unit);
    case 'Time':
      return new Time(type.unit, type.bitWidth as 32 | 64);
    case 'Timestamp':
      return new Timestamp(type.unit, type.timezone);
    case 'Interval':
      return new Interval(type.unit);
    case 'Duration':
      return new Duration(type.unit);
    case 'List':
      return new List(children()[0]!);
    case 'LargeList':
      return new LargeList(children()[0]!);
    case 'FixedSizeList':
      return new FixedSizeList(type.listSize, children()[0]!);
    case 'FixedSizeBinary':
      return new FixedSizeBinary(type.byteWidth);
    case 'Struct':
      return new Struct(children());
    case 'Map':
      return new Map_(children()[0]! as Field<Struct>, type.keysSorted);
    case 'Union':
      return new Union(type.mode, [...type.typeIds], children());
    default:
      throw unsupported(field, typeText(type));
  }
}

function unsupported({ path }: ParsedField, found: string): ArrowlabError {
  return new ArrowlabError(
    'TYPE_UNSUPPORTED',
    `field ${JSON.stringify(path)} has ${found}: apache-arrow in JavaScript cannot hold it; read this stream in Python or Rust`,
  );
}

/** A batch over the very bytes of its columns' buffers, which have to outlive it; columns that are encoded bring their dictionaries. */
export function toRecordBatch(schema: Schema, columns: readonly ArrayNode[], length: number): RecordBatch {
  const dictionaryOf = ({ dictionary }: ArrayNode) => dictionary && vectorOf(dictionary);
  const children = columns.map((column, index) => toArrowData(column, schema.fields[index]!.type, dictionaryOf));
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

const vectorOf = (vector: VectorLike): Vector =>
  vector instanceof Vector ? vector : new Vector(vector.data as readonly Data[]);

/** `makeData` takes these properties for every type; its overloads name only the ones of each. */
const make = makeData as (properties: object) => Data;

/** An array as apache-arrow's Data over the very bytes of its buffers, which have to outlive it. */
export function toArrowData(array: ArrayNode, type: DataType, dictionaryOf: DictionaryOf): Data {
  const { field, length, nullCount, buffers } = array;
  const { layout } = field;
  const nullBitmap = nullCount > 0 ? aligned(array.validity) : undefined;
  const bytes = (index: number) => aligned(buffers[index]!);
  const child = (index: number) => toArrowData(array.children[index]!, type.children[index]!.type, dictionaryOf);
  const children = () => array.children.map((_, index) => child(index));
  switch (layout.kind) {
    case 'bits':
      return make({ type, length, nullCount, nullBitmap, data: bytes(0) });
    case 'fixed': {
      const dictionary = field.dictionary ? dictionaryOf(array) : undefined;
      return make({ type, length, nullCount, nullBitmap, data: bytes(0), dictionary });
    }
    case 'view':
      return make({
        type,
        length,
        nullCount,
        nullBitmap,
        views: bytes(0),
        variadicBuffers: buffers.slice(1).map(aligned),
      });
    case 'binary': {
      const valueOffsets = offsets(array, layout.offsetWidth);
      return make({ type, length, nullCount, nullBitmap, valueOffsets, data: bytes(1) });
    }
    case 'list': {
      const valueOffsets = offsets(array, layout.offsetWidth);
      return make({ type, length, nullCount, nullBitmap, valueOffsets, child: child(0) });
    }
    case 'fixedSizeList':
      return make({ type, length, nullCount, nullBitmap, child: child(0) });
    case 'struct':
      return make({ type, length, nullCount, nullBitmap, children: children() });
    case 'union': {
      const valueOffsets = layout.isDense ? bytes(1) : undefined;
      return make({ type, length, nullCount, typeIds: bytes(0), valueOffsets, children: children() });
    }
    default:
      return make({ type, length });
  }
}

/** The format allows an empty array to have no offsets; apache-arrow wants the first one all the same. */
function offsets({ length, buffers }: ArrayNode, offsetWidth: number): Uint8Array {
  return length === 0 ? new Uint8Array(offsetWidth) : aligned(buffers[0]!);
}

/** Typed arrays start at a multiple of their element's width; a message whose bytes start elsewhere is copied out. */
function aligned(buffer: BufferSource): Uint8Array {
  if (buffer.byteLength === 0) return new Uint8Array(0);
  const bytes = buffer.bytes();
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

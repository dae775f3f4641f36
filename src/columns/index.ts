export { type ArrayNode, type IntArray, integersOf, intsOf } from './array.js';
export { type DictionaryOf, toArrowData, toArrowSchema, toRecordBatch } from './arrow-js.js';
export { bitAt, bitmapByteLength, countBits } from './bitmap.js';
export {
  type BufferSource,
  bytesOf,
  DerivedBuffer,
  EMPTY_BUFFER,
  head,
  MemoryBuffer,
  releasedError,
} from './buffer.js';
export { Column } from './build/column.js';
export { fill, type NullCounts } from './build/fill.js';
export { checkPaths } from './build/paths.js';
export { BatchPlan, type Memory, type Room } from './build/plan.js';
export { declaredRoom, type Sizes } from './build/room.js';
export {
  type BatchHandling,
  checkedBatchRows,
  filledByteLength,
  RowBatcher,
  type Target,
} from './build/row-batcher.js';
export type { RowAppender, RowFormat } from './build/row-format.js';
export { concatenate } from './concatenate.js';
export { arrayOfData } from './data.js';
export { describeFields, describeSchema } from './describe.js';
export { equalArrays } from './equal.js';
export { type DictionaryEncoding, ParsedField } from './field.js';
export { bufferCount, hasValidity, type Layout, VIEW_BYTE_WIDTH } from './layout.js';
export { MutableTable, type MutableTableOptions, type TableMemory } from './mutable-table.js';
export { formatFor, formatOf, type RowsSchema } from './row-schema.js';
export { dictionaryFields, differenceOf, type ParsedSchema } from './schema.js';
export {
  asSchema,
  batchesOf,
  type DataLike,
  type FieldLike,
  isVector,
  type RecordBatchLike,
  type SchemaLike,
  schemaOf,
  type TableLike,
  type VectorLike,
} from './shape.js';
export { type ArrowType, type IntType, TYPE_NAMES, typeText } from './type.js';

import { ArrowlabError } from '../errors.js';

// What is used of apache-arrow's classes. A value is taken for what it looks like, never for its class: it may come from
// `require`, from a second copy of the library or from another major version.

export interface TypeLike {
  readonly typeId: number;
  readonly children?: readonly FieldLike[] | null;
}

export interface FieldLike {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: TypeLike;
  readonly metadata?: ReadonlyMap<string, string> | null;
}

export interface SchemaLike {
  readonly fields: readonly FieldLike[];
  readonly metadata?: ReadonlyMap<string, string> | null;
}

/** `offset` counts in bits, for the bitmap and for booleans; all other buffers and the children start at row 0. */
export interface DataLike {
  readonly type: TypeLike;
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  readonly children: readonly DataLike[];
  readonly dictionary?: VectorLike;
  readonly nullBitmap?: unknown;
  readonly values?: unknown;
  readonly valueOffsets?: unknown;
  readonly typeIds?: unknown;
  readonly variadicBuffers?: readonly unknown[];
}

export interface VectorLike {
  readonly data: readonly DataLike[];
  readonly length: number;
}

export interface RecordBatchLike {
  readonly schema: SchemaLike;
  readonly data: DataLike;
  readonly metadata?: ReadonlyMap<string, string> | null;
}

export interface TableLike {
  readonly schema: SchemaLike;
  readonly batches: readonly RecordBatchLike[];
}

/** @throws TABLE_UNRECOGNISED unless `value` looks like an apache-arrow Schema. */
export function asSchema(value: unknown): SchemaLike {
  if (isSchema(value)) return value;
  throw unrecognised('an apache-arrow Schema', value);
}

/**
 * The record batches of a Table, or a RecordBatch itself.
 * @throws TABLE_UNRECOGNISED when `value` looks like neither.
 */
export function batchesOf(value: unknown): readonly RecordBatchLike[] {
  const candidates =
    isObject(value) && isSchema(value.schema) && Array.isArray(value.batches) ? value.batches : [value];
  const batches = candidates.map(unwrapped);
  if (batches.every(isBatch)) return batches;
  throw unrecognised('an apache-arrow Table or RecordBatch', value);
}

/**
 * The schema of a Table or RecordBatch as its columns have it: apache-arrow's own `schema` gives fields of the same name
 * the type of the last of them.
 * @throws TABLE_UNRECOGNISED when `value` looks like neither.
 */
export function schemaOf(value: TableLike | RecordBatchLike): SchemaLike {
  const batch = batchesOf(value)[0];
  return batch ? { fields: batch.data.type.children ?? [], metadata: value.schema.metadata ?? null } : value.schema;
}

/** The batch of a table without rows holds vectors where others hold their data. */
function unwrapped(value: unknown): unknown {
  if (!isObject(value) || !isObject(value.data) || !Array.isArray(value.data.children)) return value;
  const children: unknown[] = value.data.children;
  if (!children.some(isVector)) return value;
  const { schema, metadata, data } = value;
  const { type, length, offset, nullCount } = data;
  const single = children.map((child) => (isVector(child) && child.data.length === 1 ? child.data[0] : child));
  return { schema, metadata, data: { type, length, offset, nullCount, children: single } };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isType = (value: unknown): value is TypeLike => isObject(value) && Number.isInteger(value.typeId);

const isField = (value: unknown): value is FieldLike =>
  isObject(value) && typeof value.name === 'string' && isType(value.type);

const isSchema = (value: unknown): value is SchemaLike =>
  isObject(value) && Array.isArray(value.fields) && value.fields.every(isField);

const isData = (value: unknown): value is DataLike =>
  isObject(value) &&
  isType(value.type) &&
  isCount(value.length) &&
  isCount(value.offset) &&
  Array.isArray(value.children) &&
  value.children.every(isData) &&
  (value.dictionary == null || isVector(value.dictionary));

/** Whether `value` looks like an apache-arrow Vector. */
export const isVector = (value: unknown): value is VectorLike =>
  isObject(value) && Array.isArray(value.data) && value.data.every(isData);

const isBatch = (value: unknown): value is RecordBatchLike =>
  isObject(value) && isSchema(value.schema) && isData(value.data) && isSchema({ fields: value.data.type.children });

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function unrecognised(expected: string, value: unknown): ArrowlabError {
  const found = isObject(value) ? `an object of class ${value.constructor?.name ?? 'null'}` : typeof value;
  return new ArrowlabError(
    'TABLE_UNRECOGNISED',
    `expected ${expected}, found ${found}; build one with apache-arrow, for example \`tableFromArrays({ name: values })\``,
  );
}

import { type Data, type DataType, makeData, RecordBatch, Struct, Vector } from 'apache-arrow';
import {
  type ArrayNode,
  arrayOfData,
  type BufferSource,
  type DataLike,
  describeFields,
  MemoryBuffer,
  type ParsedField,
  toArrowData,
  type VectorLike,
} from '../columns/index.js';

/** The same record batch on the heap, dictionaries included, cut to the rows it has. The caller owns it. */
export function copyBatch<T extends RecordBatch>({ schema, data, metadata }: T): T {
  const fields = describeFields(data.type.children);
  const copies = new Map<VectorLike, Vector>();
  const children = fields.map((field, index) => copyData(field, data.children[index]!, copies));
  const copied = makeData({ type: new Struct(data.type.children), length: data.length, nullCount: 0, children });
  return Object.assign(new RecordBatch(schema, copied, metadata), { schema }) as T;
}

function copyData(field: ParsedField, data: DataLike, copies: Map<VectorLike, Vector>): Data {
  const dictionaryOf = ({ field, dictionary }: ArrayNode) => copyVector(field.values!, dictionary!, copies);
  return toArrowData(copyBuffers(arrayOfData(field, data)), data.type as DataType, dictionaryOf);
}

/** One copy for all the arrays that share a dictionary. */
function copyVector(values: ParsedField, vector: VectorLike, copies: Map<VectorLike, Vector>): Vector {
  const copy = copies.get(vector) ?? new Vector(vector.data.map((part) => copyData(values, part, copies)));
  copies.set(vector, copy);
  return copy;
}

function copyBuffers(array: ArrayNode): ArrayNode {
  const copy = (buffer: BufferSource) => new MemoryBuffer(buffer.bytes().slice());
  return {
    ...array,
    validity: copy(array.validity),
    buffers: array.buffers.map(copy),
    children: array.children.map(copyBuffers),
  };
}

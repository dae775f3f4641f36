export {
  type ArrayNode,
  type ArrowType,
  describeSchema,
  ParsedField,
  type ParsedSchema,
  type RecordBatchLike,
  type SchemaLike,
  schemaOf,
  type TableLike,
  typeText,
} from '../columns/index.js';
export { ColumnChecksums } from './checksum.js';
export { copyBatch } from './copy.js';
export { type Decoded, StreamDecoder, type StreamDecoderOptions } from './decoder.js';
export { StreamEncoder } from './encoder.js';
export { FileWriter } from './file-writer.js';
export type { IncomingMessage, MessageContents, OutgoingMessage } from './message.js';
export { type IpcMessages, type ReadIpcOptions, readIpc } from './reader.js';
export { writeSchemaMessage } from './schema-message.js';
export { bytesSink, heapSink, type Sink } from './sink.js';
export { checkColumns } from './validate.js';
export { endOfStream, StreamWriter, writeMessage } from './writer.js';

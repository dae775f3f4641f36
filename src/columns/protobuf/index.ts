export { ProtobufAppender } from './appender.js';
export { ProtobufFormat, protobufRows } from './format.js';
export type { ProtobufOptions } from './options.js';

export type { ProtobufAppender } from './appender.js';
export { type DelimitedOptions, delimitedMessages, type Framing } from './delimited.js';
export { ProtobufFormat, protobufRows } from './format.js';
export type { ProtobufOptions } from './options.js';

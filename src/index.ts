export {
  type AllocateOptions,
  type BatchToken,
  type CommitOptions,
  connect,
  type EndpointOptions,
  type EndpointStatus,
  InPlaceBatch,
  inherit,
  LeasedBatch,
  type ListenOptions,
  listen,
  openBatch,
  type Peer,
  type PublishedStream,
  type PublishOptions,
  type RequestOptions,
  type RowsOptions,
  RowWriter,
  type Server,
  SharedBatch,
  type StreamListing,
  type Subscription,
  type SubscriptionOptions,
  type WriteOptions,
} from './bridge/index.js';
export * from './columns/define/index.js';
export { type Column, MutableTable, type MutableTableOptions, type RowsSchema } from './columns/index.js';
export {
  type DelimitedOptions,
  delimitedMessages,
  type Framing,
  type ProtobufAppender,
  ProtobufFormat,
  type ProtobufOptions,
  protobufRows,
} from './columns/protobuf/index.js';
export { ArrowlabError, type ErrorCode } from './errors.js';
export type { RegionStats } from './region/index.js';
export type { PeerIdentity } from './wire/index.js';

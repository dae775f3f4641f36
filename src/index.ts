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
  type Server,
  SharedBatch,
  type StreamListing,
  type Subscription,
  type SubscriptionOptions,
  type WriteOptions,
} from './bridge/index.js';
export type { Column } from './columns/index.js';
export { ArrowlabError, type ErrorCode } from './errors.js';
export type { RegionStats } from './region/index.js';
export type { PeerIdentity } from './wire/index.js';

export {
  connect,
  type EndpointOptions,
  inherit,
  LeasedBatch,
  type ListenOptions,
  listen,
  type Peer,
  type PublishedStream,
  type PublishOptions,
  type Server,
  type Subscription,
  type SubscriptionOptions,
  type WriteOptions,
} from './bridge/index.js';
export { ArrowlabError, type ErrorCode } from './errors.js';
export type { RegionStats } from './region/index.js';
export type { PeerIdentity } from './wire/index.js';

export { LeasedBatch } from './batch.js';
export type { EndpointOptions } from './endpoint.js';
export { connect, inherit, Peer } from './peer.js';
export { PublishedStream, type PublishOptions, type WriteOptions } from './published.js';
export { type ListenOptions, listen, Server } from './server.js';
export { Subscription, type SubscriptionOptions } from './subscription.js';

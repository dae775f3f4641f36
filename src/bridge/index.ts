export { LeasedBatch } from './batch.js';
export type { PublishOptions } from './broadcast.js';
export type { EndpointOptions, StreamListing } from './endpoint.js';
export { connect, inherit, Peer } from './peer.js';
export { PublishedStream, type WriteOptions } from './published.js';
export type { RequestOptions } from './request.js';
export { type ListenOptions, listen, Server } from './server.js';
export type { EndpointStatus } from './status.js';
export { Subscription, type SubscriptionOptions } from './subscription.js';

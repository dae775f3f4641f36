export { Connection, type ConnectionHandler, type PeerIdentity, type SpawnedProcess } from './connection.js';
export { type Frame, type FrameType, MAX_INLINE_BYTES, MAX_RESULT_BYTES } from './frames.js';

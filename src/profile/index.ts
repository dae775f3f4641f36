export { type PeerLanguage, peerCommand } from './peers.js';
export { openSource, type TransferSource } from './source.js';
export { type PeerReport, runTransfer, type TransferOptions, type TransferReport, type Way } from './transfer.js';
export { CopiedWay, type PeerCommand, SharedWay } from './ways.js';

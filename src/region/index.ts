export { PAGE_BYTES, wholePages } from './allocator.js';
export { availableBytes } from './available.js';
export type { Share } from './budget.js';
export { Extent, type Holder } from './extent.js';
export { defaultMaxBytes, parseByteLength } from './limits.js';
export { Region, type RegionOptions, type RegionStats } from './region.js';
export { startTimer } from './timer.js';
export type { Wish } from './wait-queue.js';

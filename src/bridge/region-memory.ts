import type { BatchPlan, TableMemory, Target } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { Holder, Region, Share } from '../region/index.js';
import { Tenure } from './tenure.js';
import type { WritingWindows } from './writing-windows.js';

interface Held {
  readonly tenure: Tenure;
  readonly windows: WritingWindows;
}

/** Memory of a region for tables that are not streams: charged to `maxBytes`, and never waited for. */
export class RegionMemory implements TableMemory {
  readonly maxBatchBytes: number;
  readonly #region: Region;
  readonly #share: Share;
  readonly #holder: Holder = { holder: 'mutable tables', sinceMs: performance.now() };
  readonly #held = new WeakMap<Target, Held>();

  constructor(region: Region) {
    this.maxBatchBytes = region.maxBytes / 32;
    this.#region = region;
    // Rows stay until their table is cleared: what others reserved would not come back.
    this.#share = region.openShare(this.#holder.holder, { reservedBytes: 0, isRetaining: true });
  }

  /** Throws MEMORY_LIMIT where others hold what it needs. */
  open(plan: BatchPlan): Target {
    const wish = { byteLength: Math.max(1, plan.byteLength), writer: { ...this.#holder }, share: this.#share };
    const extent = this.#region.allocateNow(wish);
    if (!extent)
      throw new ArrowlabError(
        'MEMORY_LIMIT',
        `expected ${wish.byteLength} bytes of the region for a table, found less free of maxBytes = ${this.#region.maxBytes}: raise it, clear tables, or keep the table on the heap`,
      );
    const tenure = new Tenure(extent, wish.writer);
    const windows = tenure.openWindows();
    const target = { columns: plan.columns(windows.memoryFrom(0)) };
    this.#held.set(target, { tenure, windows });
    return target;
  }

  free(batch: Target): void {
    const { tenure, windows } = this.#held.get(batch)!;
    windows.detach();
    tenure.end();
  }
}

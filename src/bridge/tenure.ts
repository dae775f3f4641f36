import type { Extent, Holder } from '../region/index.js';
import type { WorkerAccess } from './worker-access.js';
import { WritingWindows } from './writing-windows.js';

/** A writer's time with an extent. Knows neither columns nor windows, which come to an end when nobody refers to them any more. */
export class Tenure {
  /** Other threads' part in it. */
  access: WorkerAccess | undefined;

  constructor(
    readonly extent: Extent,
    readonly writer: Holder,
  ) {}

  /** When they all are collected, the tenure is over. */
  openWindows(): WritingWindows {
    const { extent } = this;
    const open = (offset: number, byteLength: number) => extent.window(offset, byteLength);
    return new WritingWindows(extent.byteLength, open, () => this.end());
  }

  /** Gives the extent back, once other threads have let go. Where it was handed over meanwhile, that changes nothing. */
  end(): void {
    const drop = () => this.extent.drop(this.writer);
    if (this.access) void this.access.end().then(drop);
    else drop();
  }
}

/** Rows of a union's child. */
export interface ChildRange {
  readonly first: number;
  readonly length: number;
}

export const EMPTY_RANGE: ChildRange = { first: 0, length: 0 };

/** By type id: from the lowest to the highest offset that rows of a dense union have into that child. */
export function rangesOf(typeIds: Uint8Array, valueOffsets: Int32Array): readonly (ChildRange | undefined)[] {
  const low = new Int32Array(256).fill(2 ** 31 - 1);
  const high = new Int32Array(256).fill(-(2 ** 31));
  for (const [row, id] of typeIds.entries()) {
    low[id] = Math.min(low[id]!, valueOffsets[row]!);
    high[id] = Math.max(high[id]!, valueOffsets[row]!);
  }
  return Array.from(low, (first, id) => (first > high[id]! ? undefined : { first, length: high[id]! - first + 1 }));
}

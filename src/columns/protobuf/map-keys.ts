import type { Cell } from './cell.js';

/** Up to this many entries each is compared with every other. */
const FEW = 12;

/** Leaves one entry of each key in the map of a row: the last one that came. */
export function dropRepeatedKeys(map: Cell, row: number): void {
  const [from, to] = [map.offsets[row]!, map.offsets[row + 1]!];
  const entries = map.children[0]!;
  const key = entries.children[0]!;
  const isRepeated = to - from <= FEW ? repeatedAmongFew(key, from, to) : repeatedAmongMany(key, from, to);
  if (!isRepeated) return;
  let kept = from;
  for (let entry = from; entry < to; entry++) {
    if (isRepeated[entry - from]) continue;
    if (kept < entry) entries.move(entry, kept);
    kept++;
  }
  entries.forget(kept, to);
  map.offsets[row + 1] = kept;
}

/** For each entry whether its key comes again; undefined when no key does. */
function repeatedAmongFew(key: Cell, from: number, to: number): boolean[] | undefined {
  let repeated: boolean[] | undefined;
  for (let entry = from; entry < to; entry++) {
    for (let later = entry + 1; later < to; later++) {
      if (!isSame(key, entry, later)) continue;
      repeated ??= new Array(to - from).fill(false);
      repeated[entry - from] = true;
      break;
    }
  }
  return repeated;
}

function repeatedAmongMany(key: Cell, from: number, to: number): boolean[] | undefined {
  const last = new Map<string, number>();
  for (let entry = from; entry < to; entry++) last.set(textOf(key, entry), entry);
  if (last.size === to - from) return undefined;
  return Array.from({ length: to - from }, (_, index) => last.get(textOf(key, from + index)) !== from + index);
}

function isSame({ slot, words, bits, offsets, data }: Cell, a: number, b: number): boolean {
  switch (slot.storage) {
    case 'word':
      return words[a] === words[b];
    case 'words':
      return words[2 * a] === words[2 * b] && words[2 * a + 1] === words[2 * b + 1];
    case 'bit':
      return ((bits[a >> 3]! >> (a & 7)) & 1) === ((bits[b >> 3]! >> (b & 7)) & 1);
    default: {
      const [beginA, beginB] = [offsets[a]!, offsets[b]!];
      const byteLength = offsets[a + 1]! - beginA;
      if (offsets[b + 1]! - beginB !== byteLength) return false;
      for (let i = 0; i < byteLength; i++) if (data[beginA + i] !== data[beginB + i]) return false;
      return true;
    }
  }
}

function textOf({ slot, words, bits, offsets, data }: Cell, row: number): string {
  switch (slot.storage) {
    case 'word':
      return String(words[row]);
    case 'words':
      return `${words[2 * row]},${words[2 * row + 1]}`;
    case 'bit':
      return String((bits[row >> 3]! >> (row & 7)) & 1);
    default: {
      const begin = offsets[row]!;
      return Buffer.from(data.buffer, data.byteOffset + begin, offsets[row + 1]! - begin).toString('latin1');
    }
  }
}

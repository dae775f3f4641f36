import { chunked } from './generate-size.js';
import type { Slot } from './slot.js';

/** Slots that one function begins. */
const SLOTS = 64;

/**
 * Code of the functions that begin and finish the row of a slot and of all that has the same rows.
 * @param readers slots whose values have readers that remember parts of them.
 */
export function frameCode(frame: Slot, readers: ReadonlySet<number>): string[] {
  const slots = [...frame.frame()];
  const parts = chunked(slots, SLOTS);
  const name = `begin${frame.id}`;
  const isDefaulted = slots.some(({ initial }) => initial instanceof Uint8Array);
  return [
    ...parts.flatMap((part, index) => [
      `function ${name}_${index}(row) {`,
      'const byte = row >> 3; const mask = 1 << (row & 7); const rest = ~mask;',
      ...part.map((slot) => beginning(slot, readers)),
      '}',
    ]),
    `function ${name}(row) {`,
    ...parts.map((_, index) => `${name}_${index}(row);`),
    isDefaulted ? `c${frame.id}.writeDefaults(row); }` : '}',
    `function finish${frame.id}(row) {`,
    ...slots
      .filter(({ isMap }) => isMap)
      .map(({ id }) => `if (o${id}[row + 1] - o${id}[row] > 1) dropRepeatedKeys(c${id}, row);`),
    '}',
  ];
}

/** Code that gives a row what it has that is given no value. */
function beginning({ id, storage, initial, isNullable }: Slot, readers: ReadonlySet<number>): string {
  const [first = 0, second = 0] = initial instanceof Uint8Array ? [] : (initial ?? []);
  const value = {
    word: `w${id}[row] = ${first};`,
    words: `w${id}[2 * row] = ${first}; w${id}[2 * row + 1] = ${second};`,
    bit: initial ? `b${id}[byte] |= mask;` : `b${id}[byte] &= rest;`,
    bytes: `o${id}[row + 1] = o${id}[row];`,
    list: `o${id}[row + 1] = o${id}[row];`,
    struct: '',
  }[storage];
  return `${isNullable ? `v${id}[byte] &= rest; ` : ''}${value}${readers.has(id) ? ` c${id}.special.begin();` : ''}`;
}

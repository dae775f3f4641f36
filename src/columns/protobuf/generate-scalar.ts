import type { ScalarContent } from './plan.js';
import type { Slot } from './slot.js';
import { HIGH, LOW, POSITION } from './wire.js';

/** Code that reads a varint into `n`. */
export function readVarint(): string {
  return `if (p >= limit) truncated(bytes, p); n = bytes[p++]; if (n > 127) { n = varint32(bytes, p - 1); p = state[${POSITION}]; }`;
}

/** Code that reads the length of what follows, which has to be there, into `n`. */
export function readLength(): string {
  return `${readVarint()} if (n > limit - p) truncated(bytes, p, n);`;
}

/** Code that writes `n` as a number, or as the index of its name. */
export function writeEnum({ id }: Slot, isDictionary: boolean, row: string): string {
  return `w${id}[${row}] = ${isDictionary ? `e${id}.indexOf(n | 0)` : 'n'};`;
}

/** Lines of code that read a scalar at `p` into a row of a slot. */
export function readScalar(content: ScalarContent, slot: Slot, row: string): string[] {
  const { id } = slot;
  const word = `w${id}[${row}]`;
  const low = `w${id}[2 * ${row}]`;
  const high = `w${id}[2 * ${row} + 1]`;
  const bits = `b${id}[${row} >> 3]`;
  const bit = `(1 << (${row} & 7))`;
  switch (content.kind) {
    case 'varint32':
      return [readVarint(), `${word} = n;`];
    case 'enum':
      return [readVarint(), writeEnum(slot, content.isDictionary, row)];
    case 'zigzag32':
      return [readVarint(), `${word} = (n >>> 1) ^ -(n & 1);`];
    case 'fixed32':
      return ['if (p + 4 > limit) truncated(bytes, p, 4);', `${word} = ${wordAt(0)}; p += 4;`];
    case 'fixed64':
      return ['if (p + 8 > limit) truncated(bytes, p, 8);', `${low} = ${wordAt(0)}; ${high} = ${wordAt(4)}; p += 8;`];
    case 'varint64':
      return [
        `if (p >= limit) truncated(bytes, p); n = bytes[p]; if (n < 128) { p++; ${low} = n; ${high} = 0; } else {`,
        `varint64(bytes, p); p = state[${POSITION}]; ${low} = state[${LOW}]; ${high} = state[${HIGH}]; }`,
      ];
    case 'zigzag64':
      return [
        `varint64(bytes, p); p = state[${POSITION}];`,
        `const low = state[${LOW}], high = state[${HIGH}], sign = -(low & 1);`,
        `${low} = ((low >>> 1) | (high << 31)) ^ sign; ${high} = (high >>> 1) ^ sign;`,
      ];
    case 'bool':
      return [
        'if (p >= limit) truncated(bytes, p); n = bytes[p]; if (n < 128) p++;',
        `else { varint64(bytes, p); p = state[${POSITION}]; n = state[${LOW}] | state[${HIGH}]; }`,
        `if (n !== 0) ${bits} |= ${bit}; else ${bits} &= ~${bit};`,
      ];
    case 'bytes':
      return [readLength(), `writeBytes(bytes, p, p + n, o${id}, d${id}, ${row}); p += n;`];
    case 'string':
      return [readLength(), `writeText(bytes, p, p + n, o${id}, d${id}, ${row}, ${content.isStrict}); p += n;`];
  }
}

/** Four bytes from `p + offset` on as a word, the lowest first. */
function wordAt(offset: number): string {
  const byte = (index: number) => `bytes[p + ${offset + index}]`;
  return `${byte(0)} | ${byte(1)} << 8 | ${byte(2)} << 16 | ${byte(3)} << 24`;
}

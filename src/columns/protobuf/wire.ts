/** Bytes that are no message of the expected kind: where, what was expected there, and what was found. Costs no stack trace: it may be thrown often. */
export class Malformed {
  constructor(
    readonly byteOffset: number,
    readonly expected: string,
    readonly found: string,
  ) {}
}

/**
 * What the functions below give back besides their result. One for all, because nothing here waits: reading a message is never
 * interrupted by reading another.
 */
export const state = new Int32Array(5);
/** Where reading goes on. */
export const POSITION = 0;
/** The words of a varint of 64 bits. */
export const LOW = 1;
export const HIGH = 2;
/** The field (its index), or the message (-1 minus its index), that is being read, for messages. */
export const AT = 3;
/** Unknown fields skipped since the message began. */
export const UNKNOWN = 4;

export const VARINT = 0;
export const BITS_64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const BITS_32 = 5;

/** How many messages and groups may lie within one another, as in @bufbuild/protobuf. */
export const RECURSION_LIMIT = 100;

/** @throws Malformed always: the bytes end where more are needed. */
export function truncated(bytes: Uint8Array, position: number, needed = 1): never {
  const missing = position + needed - bytes.length;
  throw new Malformed(position, `${needed} more ${needed === 1 ? 'byte' : 'bytes'}`, `the end, ${missing} too early`);
}

/** Reads a varint as an unsigned number of 32 bits; what is above them is dropped. Sets POSITION. */
export function varint32(bytes: Uint8Array, start: number): number {
  let position = start;
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (position >= bytes.length) truncated(bytes, position);
    const byte = bytes[position++]!;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      state[POSITION] = position;
      return value >>> 0;
    }
  }
  throw tooLong(start);
}

/** Reads a varint into LOW and HIGH. Sets POSITION. */
export function varint64(bytes: Uint8Array, start: number): void {
  let position = start;
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (position >= bytes.length) truncated(bytes, position);
    const byte = bytes[position++]!;
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else if (shift > 28) high |= (byte & 0x7f) << (shift - 32);
    else {
      low |= (byte & 0x0f) << 28;
      high = (byte & 0x70) >> 4;
    }
    if (byte < 0x80) {
      state[POSITION] = position;
      state[LOW] = low;
      state[HIGH] = high;
      return;
    }
  }
  throw tooLong(start);
}

const tooLong = (start: number) => new Malformed(start, 'a varint of at most 10 bytes', 'a longer one');

/** Reads a tag: the number of a field times 8, and its wire type. Sets POSITION. */
export function tag(bytes: Uint8Array, start: number): number {
  const value = varint32(bytes, start);
  const byteLength = state[POSITION]! - start;
  if (byteLength > 5 || (byteLength === 5 && bytes[start + 4]! > 0x0f)) {
    throw new Malformed(start, 'a tag of 32 bits', 'a longer one');
  }
  if (value < 8 || (value & 7) > BITS_32) illegalTag(start, value);
  return value;
}

/** @throws Malformed always. */
export function illegalTag(start: number, value: number): never {
  throw new Malformed(
    start,
    'a tag with a field number and a wire type of 0 to 5',
    `field number ${value >>> 3}, wire type ${value & 7}`,
  );
}

/** Reads the length of what follows, which has to be there. Sets POSITION; gives where it ends. */
export function lengthEnd(bytes: Uint8Array, start: number): number {
  const byteLength = varint32(bytes, start);
  const position = state[POSITION]!;
  if (byteLength > bytes.length - position) truncated(bytes, position, byteLength);
  return position + byteLength;
}

/** Where what follows a tag ends: the value of an unknown field, nested groups with their end tags included. */
export function skip(bytes: Uint8Array, start: number, tagValue: number, groupsLeft: number): number {
  switch (tagValue & 7) {
    case VARINT: {
      let position = start;
      while (position < bytes.length && bytes[position]! >= 0x80) position++;
      if (position >= bytes.length) truncated(bytes, position);
      return position + 1;
    }
    case BITS_64:
      return skipBytes(bytes, start, 8);
    case BITS_32:
      return skipBytes(bytes, start, 4);
    case LENGTH_DELIMITED:
      return lengthEnd(bytes, start);
    case START_GROUP:
      skipGroup(bytes, start, tagValue >>> 3, groupsLeft);
      return state[POSITION]!;
    default:
      throw new Malformed(start, 'a field', `the end of group ${tagValue >>> 3}, which had not begun`);
  }
}

function skipBytes(bytes: Uint8Array, start: number, byteLength: number): number {
  if (start + byteLength > bytes.length) truncated(bytes, start, byteLength);
  return start + byteLength;
}

/** Where the contents of a group end. Sets POSITION to what is after its end tag. */
export function skipGroup(bytes: Uint8Array, start: number, group: number, groupsLeft: number): number {
  if (groupsLeft <= 0) tooDeep(start);
  let position = start;
  for (;;) {
    const tagStart = position;
    const value = tag(bytes, position);
    position = state[POSITION]!;
    if ((value & 7) === END_GROUP) {
      endGroup(tagStart, value, group);
      return tagStart;
    }
    position = skip(bytes, position, value, groupsLeft - 1);
  }
}

/** @throws Malformed unless the tag ends the group of this number. */
export function endGroup(start: number, tagValue: number, group: number): void {
  if (tagValue >>> 3 !== group) {
    throw new Malformed(start, `the end of group ${group}`, `the end of group ${tagValue >>> 3}`);
  }
}

/** @throws Malformed always. */
export function tooDeep(start: number): never {
  throw new Malformed(start, `at most ${RECURSION_LIMIT} messages within one another`, 'more');
}

import { isUtf8 } from 'node:buffer';
import { ArrowlabError } from '../errors.js';

/** Frames as PROTOCOL.md, section 4, lays them out; 64-bit fields are bigints. */
export type Frame =
  | { type: 'READY'; minor: number; features: bigint }
  | { type: 'ERROR'; stream: number; number: number; message: string }
  | { type: 'CLOSING' }
  | { type: 'SUBSCRIBE'; stream: number; credit: number; name: string }
  | { type: 'CREDIT'; stream: number; messages: number }
  | { type: 'RELEASE'; leases: bigint[] }
  | { type: 'CANCEL'; stream: number }
  | { type: 'LIST'; stream: number }
  | { type: 'CALL'; stream: number; credit: number; name: string; parameters: string }
  | { type: 'OPEN'; stream: number; reservation: bigint }
  | { type: 'DESCRIPTOR'; stream: number; sequence: bigint; lease: bigint; offset: bigint; length: bigint }
  | { type: 'INLINE'; stream: number; sequence: bigint; bytes: Uint8Array }
  | { type: 'END'; stream: number; sequence: bigint }
  | { type: 'WAITING'; stream: number; needed: bigint; held: bigint }
  | { type: 'CANCELLED'; stream: number }
  | { type: 'RESULT'; stream: number; json: string };

export type FrameType = Frame['type'];

export const MAX_FRAME_BYTES = 1 << 20;
export const MAX_INLINE_BYTES = 65_536;
export const MAX_RESULT_BYTES = MAX_FRAME_BYTES - 16;
const MAX_ERROR_BYTES = 65_536;
export const MAX_RELEASES = 8_192;
export const HEADER_BYTES = 8;

/** What a frame type looks like: its number, its fixed bytes (header included), and the least and the most bytes of its tail. */
interface Shape {
  type: FrameType;
  number: number;
  fixed: number;
  minTail: number;
  maxTail: number;
}

const shape = (number: number, type: FrameType, fixed: number, minTail = 0, maxTail = 0): Shape => ({
  number,
  type,
  fixed,
  minTail,
  maxTail,
});

const SHAPES: Shape[] = [
  shape(0x01, 'READY', 24),
  shape(0x02, 'ERROR', 16, 0, MAX_ERROR_BYTES),
  shape(0x03, 'CLOSING', 8),
  shape(0x10, 'SUBSCRIBE', 16, 1, 255),
  shape(0x11, 'CREDIT', 16),
  shape(0x12, 'RELEASE', 8, 8, 8 * MAX_RELEASES),
  shape(0x13, 'CANCEL', 16),
  shape(0x14, 'LIST', 16),
  shape(0x15, 'CALL', 24, 1, MAX_FRAME_BYTES - 24),
  shape(0x20, 'OPEN', 24),
  shape(0x21, 'DESCRIPTOR', 48),
  shape(0x22, 'INLINE', 24, 8, MAX_INLINE_BYTES),
  shape(0x23, 'END', 24),
  shape(0x24, 'WAITING', 32),
  shape(0x25, 'CANCELLED', 16),
  shape(0x26, 'RESULT', 16, 0, MAX_RESULT_BYTES),
];

const shapeOfType = Object.fromEntries(SHAPES.map((each) => [each.type, each])) as Record<FrameType, Shape>;
const shapeOfNumber: (Shape | undefined)[] = [];
for (const each of SHAPES) shapeOfNumber[each.number] = each;

/** What the first eight bytes of a frame say. Throws FRAME_LENGTH, FRAME_TYPE. */
export function frameShape(header: Buffer): { length: number; type: FrameType } {
  const length = header.readUInt32LE(0);
  const found = shapeOfNumber[header[4]!];
  if (length < HEADER_BYTES || length > MAX_FRAME_BYTES)
    throw new ArrowlabError(
      'FRAME_LENGTH',
      `expected a frame of ${HEADER_BYTES} to ${MAX_FRAME_BYTES} bytes, found one that says ${length}`,
    );
  if (!found)
    throw new ArrowlabError(
      'FRAME_TYPE',
      `expected a frame type of the protocol, found 0x${header[4]!.toString(16).padStart(2, '0')}`,
    );
  const tail = length - found.fixed;
  if (tail < found.minTail || tail > found.maxTail || (found.type === 'RELEASE' && tail % 8 !== 0))
    throw new ArrowlabError(
      'FRAME_LENGTH',
      `expected ${found.type} of ${found.fixed + found.minTail} to ${found.fixed + found.maxTail} bytes, found one that says ${length}`,
    );
  return { length, type: found.type };
}

function text(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw new ArrowlabError('FRAME_FIELD', `expected ${what} in UTF-8, found other bytes`);
  return bytes.toString('utf8');
}

function check(holds: boolean, type: FrameType, expected: string, found: unknown): void {
  if (!holds) throw new ArrowlabError('FRAME_FIELD', `expected ${type} with ${expected}, found ${found}`);
}

/** Decodes one whole frame; `bytes` is exactly it. INLINE's bytes are a view of it. Throws FRAME_LENGTH, FRAME_TYPE, FRAME_FIELD. */
export function decodeFrame(bytes: Buffer): Frame {
  const { type } = frameShape(bytes);
  check(bytes[5] === 0, type, 'flags 0', bytes[5]);
  check(bytes.readUInt16LE(6) === 0, type, 'reserved bytes 0', bytes.readUInt16LE(6));
  if (type === 'CLOSING') return { type };
  if (type === 'READY') {
    const reserved = bytes.readUInt16LE(10) + bytes.readUInt32LE(12);
    check(reserved === 0, type, 'reserved bytes 0', reserved);
    return { type, minor: bytes.readUInt16LE(8), features: bytes.readBigUInt64LE(16) };
  }
  if (type === 'RELEASE') {
    const leases: bigint[] = [];
    for (let at = 8; at < bytes.length; at += 8) leases.push(bytes.readBigUInt64LE(at));
    check(!leases.includes(0n), type, 'leases from 1 on', 0);
    return { type, leases };
  }
  const stream = bytes.readUInt32LE(8);
  const second = bytes.readUInt32LE(12);
  if (type === 'ERROR') {
    check(second !== 0, type, 'a number from 1 on', second);
    return { type, stream, number: second, message: text(bytes.subarray(16), "ERROR's message") };
  }
  check(stream !== 0 || type === 'WAITING', type, 'a stream from 1 on', stream);
  if (type === 'SUBSCRIBE') return { type, stream, credit: second, name: text(bytes.subarray(16), "SUBSCRIBE's name") };
  if (type === 'CALL') return decodeCall(bytes, stream, second);
  if (type === 'CREDIT') {
    check(second !== 0, type, 'at least one message', second);
    return { type, stream, messages: second };
  }
  check(second === 0, type, 'reserved bytes 0', second);
  switch (type) {
    case 'CANCEL':
    case 'LIST':
    case 'CANCELLED':
      return { type, stream };
    case 'OPEN':
      return { type, stream, reservation: bytes.readBigUInt64LE(16) };
    case 'DESCRIPTOR': {
      const lease = bytes.readBigUInt64LE(24);
      check(lease !== 0n, type, 'a lease from 1 on', lease);
      return {
        type,
        stream,
        sequence: bytes.readBigUInt64LE(16),
        lease,
        offset: bytes.readBigUInt64LE(32),
        length: bytes.readBigUInt64LE(40),
      };
    }
    case 'INLINE':
      return { type, stream, sequence: bytes.readBigUInt64LE(16), bytes: bytes.subarray(24) };
    case 'END':
      return { type, stream, sequence: bytes.readBigUInt64LE(16) };
    case 'WAITING':
      return { type, stream, needed: bytes.readBigUInt64LE(16), held: bytes.readBigUInt64LE(24) };
    case 'RESULT':
      return { type, stream, json: text(bytes.subarray(16), "RESULT's JSON") };
  }
}

function decodeCall(bytes: Buffer, stream: number, credit: number): Frame {
  const nameLength = bytes.readUInt32LE(16);
  check(bytes.readUInt32LE(20) === 0, 'CALL', 'reserved bytes 0', bytes.readUInt32LE(20));
  check(
    nameLength >= 1 && nameLength <= 255 && 24 + nameLength <= bytes.length,
    'CALL',
    'a name of 1 to 255 bytes inside the frame',
    nameLength,
  );
  const name = text(bytes.subarray(24, 24 + nameLength), "CALL's name");
  return { type: 'CALL', stream, credit, name, parameters: text(bytes.subarray(24 + nameLength), "CALL's parameters") };
}

/** Encodes a frame. Values are the caller's own and in range; an ERROR's message is cut to what fits, any other text or tail that is too long throws INVALID_ARGUMENT. */
export function encodeFrame(frame: Frame): Buffer {
  const tail = tailOf(frame);
  const tailLength = tail?.length ?? 0;
  const { number, fixed, minTail, maxTail } = shapeOfType[frame.type];
  if (tailLength < minTail || tailLength > maxTail)
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected a text or bytes of ${minTail} to ${maxTail} bytes in ${frame.type}, found ${tailLength}`,
    );
  const length = fixed + tailLength;
  const bytes = Buffer.allocUnsafe(length);
  bytes.fill(0, 0, fixed);
  bytes.writeUInt32LE(length, 0);
  bytes[4] = number;
  if ('stream' in frame) bytes.writeUInt32LE(frame.stream, 8);
  tail?.copy(bytes, fixed);
  switch (frame.type) {
    case 'READY':
      bytes.writeUInt16LE(frame.minor, 8);
      bytes.writeBigUInt64LE(frame.features, 16);
      break;
    case 'ERROR':
      bytes.writeUInt32LE(frame.number, 12);
      break;
    case 'CALL':
      bytes.writeUInt32LE(Buffer.byteLength(frame.name), 16);
      bytes.writeUInt32LE(frame.credit, 12);
      break;
    case 'SUBSCRIBE':
      bytes.writeUInt32LE(frame.credit, 12);
      break;
    case 'CREDIT':
      bytes.writeUInt32LE(frame.messages, 12);
      break;
    case 'OPEN':
      bytes.writeBigUInt64LE(frame.reservation, 16);
      break;
    case 'DESCRIPTOR':
      bytes.writeBigUInt64LE(frame.sequence, 16);
      bytes.writeBigUInt64LE(frame.lease, 24);
      bytes.writeBigUInt64LE(frame.offset, 32);
      bytes.writeBigUInt64LE(frame.length, 40);
      break;
    case 'INLINE':
    case 'END':
      bytes.writeBigUInt64LE(frame.sequence, 16);
      break;
    case 'WAITING':
      bytes.writeBigUInt64LE(frame.needed, 16);
      bytes.writeBigUInt64LE(frame.held, 24);
      break;
  }
  return bytes;
}

/** The first `byteLength` bytes of a text in UTF-8 at most, cut between two characters. */
function cutText(text: Buffer, byteLength: number): Buffer {
  let end = Math.min(text.length, byteLength);
  while (end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}

function tailOf(frame: Frame): Buffer | undefined {
  switch (frame.type) {
    case 'ERROR':
      return cutText(Buffer.from(frame.message), MAX_ERROR_BYTES);
    case 'SUBSCRIBE':
      return Buffer.from(frame.name);
    case 'CALL':
      return Buffer.from(frame.name + frame.parameters);
    case 'RESULT':
      return Buffer.from(frame.json);
    case 'INLINE':
      return Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    case 'RELEASE': {
      const tail = Buffer.allocUnsafe(8 * frame.leases.length);
      frame.leases.forEach((lease, i) => {
        tail.writeBigUInt64LE(lease, 8 * i);
      });
      return tail;
    }
    default:
      return undefined;
  }
}

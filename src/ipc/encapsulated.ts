import { ArrowlabError } from '../errors.js';
import { CONTINUATION, type Message, PREFIX_BYTE_LENGTH, readMessage } from './metadata.js';

/** More metadata than any schema needs; a length beyond it is a mistake. */
const MAX_METADATA_BYTE_LENGTH = 2 ** 28;

/** Bytes of which some are looked at. */
export interface ReadableBytes {
  readonly byteLength: number;
  read(position: number, byteLength: number): Uint8Array;
}

/** One message where it lies: its metadata, and where its body begins and ends. */
export interface EncapsulatedMessage extends Message {
  /** Without a continuation marker, as before Arrow 0.15. */
  readonly isLegacy: boolean;
  readonly position: number;
  readonly bodyPosition: number;
  readonly endPosition: number;
}

/**
 * The encapsulated message at `position`; undefined at the end-of-stream marker or the end of the bytes. Takes the prefix of
 * before Arrow 0.15 too, which had no continuation marker.
 * @throws IPC_INVALID when it does not fit the bytes, and what `readMessage` throws.
 */
export function readEncapsulated(source: ReadableBytes, position: number): EncapsulatedMessage | undefined {
  const left = source.byteLength - position;
  if (left === 0) return undefined;
  const [first, second] = words(source, position, left);
  const isLegacy = first !== CONTINUATION;
  if (!isLegacy && second === undefined) throw truncated(PREFIX_BYTE_LENGTH, left);
  const metadataByteLength = isLegacy ? first : second!;
  if (metadataByteLength === 0) return undefined;
  if (metadataByteLength > MAX_METADATA_BYTE_LENGTH) {
    throw new ArrowlabError(
      'IPC_INVALID',
      `expected an Arrow IPC message, found a metadata length of ${metadataByteLength} bytes`,
    );
  }
  const start = position + (isLegacy ? 4 : PREFIX_BYTE_LENGTH);
  const bodyPosition = start + metadataByteLength;
  if (bodyPosition > source.byteLength) throw truncated(bodyPosition - position, left);
  const message = readMessage(source.read(start, metadataByteLength));
  const endPosition = bodyPosition + message.bodyByteLength;
  if (endPosition > source.byteLength) throw truncated(endPosition - position, left);
  return { ...message, isLegacy, position, bodyPosition, endPosition };
}

function words(source: ReadableBytes, position: number, left: number): [number, number | undefined] {
  if (left < 4) throw truncated(4, left);
  const bytes = source.read(position, Math.min(left, PREFIX_BYTE_LENGTH));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getUint32(0, true), left < PREFIX_BYTE_LENGTH ? undefined : view.getUint32(4, true)];
}

function truncated(expected: number, found: number): ArrowlabError {
  return new ArrowlabError(
    'IPC_INVALID',
    `expected a message of at least ${expected} bytes, found ${found}: the bytes were cut off`,
  );
}

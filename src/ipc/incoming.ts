import { DerivedBuffer } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { readContents } from './contents.js';
import { type EncapsulatedMessage, readEncapsulated } from './encapsulated.js';
import type { IncomingMessage, MessageContents } from './message.js';

/** @throws IPC_INVALID unless the message is one encapsulated message from its first byte to its last. */
export function readIncoming(message: IncomingMessage): EncapsulatedMessage {
  const { byteLength } = message;
  const encapsulated = readEncapsulated({ byteLength, read: (position, length) => message.bytes(position, length) }, 0);
  if (!encapsulated) throw new ArrowlabError('IPC_INVALID', 'expected a message, found an end-of-stream marker');
  if (encapsulated.isLegacy) {
    throw new ArrowlabError('IPC_INVALID', 'expected a message that begins with FFFFFFFF, found other bytes');
  }
  if (encapsulated.endPosition !== byteLength) {
    const found = `one of ${encapsulated.endPosition}`;
    throw new ArrowlabError('IPC_INVALID', `expected a message of ${byteLength} bytes, found ${found}`);
  }
  return encapsulated;
}

/** The contents of a dictionary or record batch, whose buffers are windows on the message, opened when they are read. */
export function incomingContents(encapsulated: EncapsulatedMessage, message: IncomingMessage): MessageContents {
  const { bodyPosition } = encapsulated;
  return readContents(
    encapsulated,
    (offset, byteLength) => new DerivedBuffer(byteLength, () => message.bytes(bodyPosition + offset, byteLength)),
  );
}

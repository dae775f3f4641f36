import type { Builder } from 'flatbuffers';
import { ArrowlabError } from '../errors.js';
import { FlatTable } from './flatbuffer.js';

/** Every body and every buffer in it starts at a multiple of this, so that all readers can use all types in place. */
export const ALIGNMENT = 64;

export const METADATA_V4 = 3;
export const METADATA_V5 = 4;

/** The tags of Message.fbs's `MessageHeader`. */
export const HeaderType = { schema: 1, dictionary: 2, batch: 3 } as const;

/** Continuation marker and metadata length, which precede the metadata. */
export const PREFIX_BYTE_LENGTH = 8;
export const CONTINUATION = 0xffffffff;

// Slots of Message.fbs.
const MESSAGE = { version: 0, headerType: 1, header: 2, bodyByteLength: 3, metadata: 4 } as const;
const KEY_VALUE = { key: 0, value: 1 } as const;

export interface Message {
  readonly version: number;
  readonly headerType: number;
  readonly header: FlatTable;
  readonly bodyByteLength: number;
  /** Where the body's length is written in the metadata, if it is. */
  readonly bodyByteLengthPosition: number | undefined;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * What a message's metadata (the flatbuffer after the prefix) says.
 * @throws IPC_INVALID when it is not one, IPC_UNSUPPORTED for other contents than schema, dictionary and record batch.
 */
export function readMessage(metadata: Uint8Array): Message {
  const table = FlatTable.root(metadata);
  const version = table.int16(MESSAGE.version);
  checkVersion(version);
  const headerType = table.uint8(MESSAGE.headerType);
  if (headerType < HeaderType.schema || headerType > HeaderType.batch) {
    const found = headerType === 4 || headerType === 5 ? 'a tensor' : `type ${headerType}`;
    throw new ArrowlabError('IPC_UNSUPPORTED', `expected a schema, a dictionary or a record batch, found ${found}`);
  }
  return {
    version,
    headerType,
    header: table.required(MESSAGE.header, 'header'),
    bodyByteLength: table.size(MESSAGE.bodyByteLength),
    bodyByteLengthPosition: table.position(MESSAGE.bodyByteLength, 8),
    metadata: readMetadata(table, MESSAGE.metadata),
  };
}

/** @throws IPC_INVALID unless the metadata version is V5, or V4, whose layout is the same but for unions. */
export function checkVersion(version: number): void {
  if (version !== METADATA_V5 && version !== METADATA_V4) {
    throw new ArrowlabError(
      'IPC_INVALID',
      `expected metadata of version V5, found V${version + 1}: write it again with Arrow 1.0 or later`,
    );
  }
}

/** Finishes a message: prefix, flatbuffer, and padding up to where a body starts. */
export function writeMessage(
  builder: Builder,
  headerType: number,
  header: number,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const metadataOffset = writeMetadata(builder, metadata);
  builder.startObject(5);
  builder.addFieldInt16(MESSAGE.version, METADATA_V5, null);
  builder.addFieldInt8(MESSAGE.headerType, headerType, null);
  builder.addFieldOffset(MESSAGE.header, header, 0);
  builder.addFieldInt64(MESSAGE.bodyByteLength, 0n, null);
  builder.addFieldOffset(MESSAGE.metadata, metadataOffset, 0);
  builder.finish(builder.endObject());
  const flatbuffer = builder.asUint8Array();
  const byteLength = Math.ceil((PREFIX_BYTE_LENGTH + flatbuffer.byteLength) / ALIGNMENT) * ALIGNMENT;
  const message = new Uint8Array(byteLength);
  const view = new DataView(message.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, byteLength - PREFIX_BYTE_LENGTH, true);
  message.set(flatbuffer, PREFIX_BYTE_LENGTH);
  return message;
}

/** A vector of KeyValue; of a key that is there more than once the last one counts. */
export function readMetadata(table: FlatTable, slot: number): Map<string, string> {
  return new Map(
    table.tables(slot).map((pair) => [pair.string(KEY_VALUE.key) ?? '', pair.string(KEY_VALUE.value) ?? '']),
  );
}

/** Writes a vector of KeyValue; returns its offset, 0 (absent) when there are none. */
export function writeMetadata(builder: Builder, metadata: ReadonlyMap<string, string>): number {
  if (metadata.size === 0) return 0;
  return writeTables(builder, [...metadata], (_, [key, value]) => {
    const [keyOffset, valueOffset] = [builder.createString(key), builder.createString(value)];
    builder.startObject(2);
    builder.addFieldOffset(KEY_VALUE.key, keyOffset, 0);
    builder.addFieldOffset(KEY_VALUE.value, valueOffset, 0);
    return builder.endObject();
  });
}

/** Writes a vector of tables; returns its offset. */
export function writeTables<T>(
  builder: Builder,
  items: readonly T[],
  write: (builder: Builder, item: T) => number,
): number {
  const offsets = items.map((item) => write(builder, item));
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) builder.addOffset(offset);
  return builder.endVector();
}

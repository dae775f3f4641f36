import { Builder } from 'flatbuffers';
import type { ParsedSchema } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { ReadableBytes } from './encapsulated.js';
import { FlatTable } from './flatbuffer.js';
import { checkVersion, METADATA_V5 } from './metadata.js';
import { readSchema, writeSchema } from './schema-message.js';

const MAGIC = 'ARROW1';
/** The magic at the front is padded. */
export const HEAD_BYTE_LENGTH = 8;
/** The footer's length as int32, and the magic. */
const TAIL_BYTE_LENGTH = 4 + MAGIC.length;

// Slots of File.fbs.
const FOOTER = { version: 0, schema: 1, dictionaries: 2, batches: 3 } as const;
const BLOCK_BYTE_LENGTH = 24;

/** Where a file has a message. */
export interface Block {
  readonly position: number;
  /** Prefix and padding included. */
  readonly metadataByteLength: number;
  readonly bodyByteLength: number;
}

export interface Footer {
  readonly schema: ParsedSchema;
  readonly dictionaries: readonly Block[];
  readonly batches: readonly Block[];
}

/** Whether the bytes are those of an IPC file, rather than of a stream. */
export function isFile(source: ReadableBytes): boolean {
  return source.byteLength >= MAGIC.length && text(source.read(0, MAGIC.length)) === MAGIC;
}

/** @throws IPC_INVALID when the footer is missing or malformed, or a block of it leaves the file. */
export function readFooter(source: ReadableBytes): Footer {
  const { byteLength } = source;
  const tail =
    byteLength < HEAD_BYTE_LENGTH + TAIL_BYTE_LENGTH
      ? new Uint8Array(0)
      : source.read(byteLength - TAIL_BYTE_LENGTH, TAIL_BYTE_LENGTH);
  if (text(tail.subarray(4)) !== MAGIC) {
    throw new ArrowlabError(
      'IPC_INVALID',
      `expected an Arrow file to end with ${MAGIC}, found other bytes: it was cut off or not closed`,
    );
  }
  const footerByteLength = new DataView(tail.buffer, tail.byteOffset).getInt32(0, true);
  const position = byteLength - TAIL_BYTE_LENGTH - footerByteLength;
  if (footerByteLength <= 0 || position < HEAD_BYTE_LENGTH) {
    throw new ArrowlabError(
      'IPC_INVALID',
      `expected a footer inside the file of ${byteLength} bytes, found a length of ${footerByteLength}`,
    );
  }
  const table = FlatTable.root(source.read(position, footerByteLength));
  const version = table.int16(FOOTER.version);
  checkVersion(version);
  return {
    schema: readSchema(table.required(FOOTER.schema, 'schema'), version),
    dictionaries: readBlocks(table, FOOTER.dictionaries, position),
    batches: readBlocks(table, FOOTER.batches, position),
  };
}

function readBlocks(table: FlatTable, slot: number, end: number): Block[] {
  const { position, count } = table.vector(slot, BLOCK_BYTE_LENGTH);
  return Array.from({ length: count }, (_, index) => {
    const start = position + BLOCK_BYTE_LENGTH * index;
    const block = {
      position: table.sizeAt(start),
      metadataByteLength: table.int32At(start + 8),
      bodyByteLength: table.sizeAt(start + 16),
    };
    const blockEnd = block.position + block.metadataByteLength + block.bodyByteLength;
    if (block.position < HEAD_BYTE_LENGTH || block.metadataByteLength <= 0 || blockEnd > end) {
      throw new ArrowlabError(
        'IPC_INVALID',
        `expected block ${index} of the footer before byte ${end}, found bytes ${block.position} to ${blockEnd}`,
      );
    }
    return block;
  });
}

/** What a file begins with. */
export const fileHead = (): Uint8Array => Buffer.from(MAGIC.padEnd(HEAD_BYTE_LENGTH, '\0'));

/** What a file ends with: the footer, its length, the magic. */
export function fileTail({ schema, dictionaries, batches }: Footer): Uint8Array {
  const builder = new Builder();
  const schemaOffset = writeSchema(builder, schema);
  const dictionariesOffset = writeBlocks(builder, dictionaries);
  const batchesOffset = writeBlocks(builder, batches);
  builder.startObject(5);
  builder.addFieldInt16(FOOTER.version, METADATA_V5, null);
  builder.addFieldOffset(FOOTER.schema, schemaOffset, 0);
  builder.addFieldOffset(FOOTER.dictionaries, dictionariesOffset, 0);
  builder.addFieldOffset(FOOTER.batches, batchesOffset, 0);
  builder.finish(builder.endObject());
  const footer = builder.asUint8Array();
  const tail = Buffer.alloc(TAIL_BYTE_LENGTH);
  tail.writeInt32LE(footer.byteLength, 0);
  tail.write(MAGIC, 4, 'latin1');
  return Buffer.concat([footer, tail]);
}

function writeBlocks(builder: Builder, blocks: readonly Block[]): number {
  builder.startVector(BLOCK_BYTE_LENGTH, blocks.length, 8);
  for (const { position, metadataByteLength, bodyByteLength } of blocks.toReversed()) {
    builder.prep(8, BLOCK_BYTE_LENGTH);
    builder.writeInt64(BigInt(bodyByteLength));
    builder.pad(4);
    builder.writeInt32(metadataByteLength);
    builder.writeInt64(BigInt(position));
  }
  return builder.endVector();
}

const text = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

import { Builder } from 'flatbuffers';
import { ArrowlabError } from '../errors.js';
import type { FlatTable } from './flatbuffer.js';
import { HeaderType, PREFIX_BYTE_LENGTH, readMessage, writeMessage } from './metadata.js';

// Slots of Message.fbs.
const BATCH = { rows: 0, nodes: 1, buffers: 2, compression: 3, variadicBufferCounts: 4 } as const;
const DICTIONARY = { id: 0, data: 1, isDelta: 2 } as const;
const COMPRESSION = { codec: 0, method: 1 } as const;

/** FieldNode and Buffer: two int64 each. */
const PAIR_BYTE_LENGTH = 16;

const CODECS = ['LZ4_FRAME', 'ZSTD'] as const;
export type Codec = (typeof CODECS)[number];

export interface FieldNode {
  readonly length: number;
  readonly nullCount: number;
}

/** Where a buffer lies in its body. */
export interface BufferRange {
  readonly offset: number;
  readonly byteLength: number;
}

export interface DictionaryIdentity {
  readonly id: bigint;
  readonly isDelta: boolean;
}

/** What a RecordBatch table says, and the DictionaryBatch table around it. */
export interface BatchHeader {
  readonly dictionary: DictionaryIdentity | null;
  readonly rows: number;
  readonly nodes: readonly FieldNode[];
  readonly buffers: readonly BufferRange[];
  readonly variadicBufferCounts: readonly number[];
  readonly codec: Codec | null;
  readonly metadata: ReadonlyMap<string, string>;
}

/** @throws IPC_INVALID for negative numbers, IPC_UNSUPPORTED for a compression other than LZ4_FRAME or ZSTD of each buffer. */
export function readBatchHeader(
  headerType: number,
  header: FlatTable,
  metadata: ReadonlyMap<string, string>,
): BatchHeader {
  const isDictionary = headerType === HeaderType.dictionary;
  const table = isDictionary ? header.required(DICTIONARY.data, 'record batch in the dictionary') : header;
  const pairs = (slot: number) => {
    const { position, count } = table.vector(slot, PAIR_BYTE_LENGTH);
    return Array.from({ length: count }, (_, index) => {
      const start = position + PAIR_BYTE_LENGTH * index;
      return [table.sizeAt(start), table.sizeAt(start + 8)] as const;
    });
  };
  const variadic = table.vector(BATCH.variadicBufferCounts, 8);
  return {
    dictionary: isDictionary ? { id: header.int64(DICTIONARY.id), isDelta: header.bool(DICTIONARY.isDelta) } : null,
    rows: table.size(BATCH.rows),
    nodes: pairs(BATCH.nodes).map(([length, nullCount]) => ({ length, nullCount })),
    buffers: pairs(BATCH.buffers).map(([offset, byteLength]) => ({ offset, byteLength })),
    variadicBufferCounts: Array.from({ length: variadic.count }, (_, index) =>
      table.sizeAt(variadic.position + 8 * index),
    ),
    codec: readCodec(table.table(BATCH.compression)),
    metadata,
  };
}

function readCodec(compression: FlatTable | undefined): Codec | null {
  if (!compression) return null;
  const codec = CODECS[compression.uint8(COMPRESSION.codec)];
  if (codec && compression.uint8(COMPRESSION.method) === 0) return codec;
  throw new ArrowlabError('IPC_UNSUPPORTED', 'expected buffers compressed by LZ4_FRAME or ZSTD, found another method');
}

/** What of a header is not a number that changes from batch to batch. */
export type HeaderShape = Pick<BatchHeader, 'dictionary' | 'codec' | 'metadata'> & {
  readonly nodeCount: number;
  readonly bufferCount: number;
  readonly variadicCount: number;
};

/**
 * The bytes in front of the bodies of all batches of one shape: built once, after which a batch costs the numbers in it.
 */
export class HeaderTemplate {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #bodyByteLength: number;
  readonly #rows: number;
  readonly #nodes: number;
  readonly #buffers: number;
  readonly #variadic: number;

  constructor(shape: HeaderShape) {
    this.#bytes = writeTemplate(shape);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + PREFIX_BYTE_LENGTH);
    const { header, bodyByteLengthPosition } = readMessage(this.#bytes.subarray(PREFIX_BYTE_LENGTH));
    const table = shape.dictionary ? header.required(DICTIONARY.data, 'record batch') : header;
    this.#bodyByteLength = bodyByteLengthPosition!;
    this.#rows = table.position(BATCH.rows, 8)!;
    this.#nodes = table.vector(BATCH.nodes, PAIR_BYTE_LENGTH).position;
    this.#buffers = table.vector(BATCH.buffers, PAIR_BYTE_LENGTH).position;
    this.#variadic = table.vector(BATCH.variadicBufferCounts, 8).position;
  }

  /** Prefix, metadata and padding: where the body starts is where it ends. */
  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /**
   * The bytes for one batch, whose counts are the shape's; valid until the next call. They are the template's own: V8 collects garbage when an
   * ArrayBuffer is made while large ones are young, as those of a batch in place are.
   */
  fill(
    {
      rows,
      nodes,
      buffers,
      variadicBufferCounts,
    }: Pick<BatchHeader, 'rows' | 'nodes' | 'buffers' | 'variadicBufferCounts'>,
    bodyByteLength: number,
  ): Uint8Array {
    const bytes = this.#bytes;
    const view = this.#view;
    setSize(view, this.#bodyByteLength, bodyByteLength);
    setSize(view, this.#rows, rows);
    let position = this.#nodes;
    for (const { length, nullCount } of nodes) {
      setSize(view, position, length);
      setSize(view, position + 8, nullCount);
      position += PAIR_BYTE_LENGTH;
    }
    position = this.#buffers;
    for (const { offset, byteLength } of buffers) {
      setSize(view, position, offset);
      setSize(view, position + 8, byteLength);
      position += PAIR_BYTE_LENGTH;
    }
    for (const [index, count] of variadicBufferCounts.entries()) setSize(view, this.#variadic + 8 * index, count);
    return bytes;
  }
}

function setSize(view: DataView, position: number, size: number): void {
  view.setUint32(position, size, true);
  view.setUint32(position + 4, size / 2 ** 32, true);
}

function writeTemplate({
  dictionary,
  codec,
  metadata,
  nodeCount,
  bufferCount,
  variadicCount,
}: HeaderShape): Uint8Array {
  const builder = new Builder();
  const nodes = writeZeros(builder, nodeCount * 2, nodeCount);
  const buffers = writeZeros(builder, bufferCount * 2, bufferCount);
  const variadic = variadicCount > 0 ? writeZeros(builder, variadicCount, variadicCount) : 0;
  const compression = codec ? writeCompression(builder, codec) : 0;
  builder.startObject(5);
  builder.addFieldInt64(BATCH.rows, 0n, null);
  builder.addFieldOffset(BATCH.nodes, nodes, 0);
  builder.addFieldOffset(BATCH.buffers, buffers, 0);
  builder.addFieldOffset(BATCH.compression, compression, 0);
  builder.addFieldOffset(BATCH.variadicBufferCounts, variadic, 0);
  const batch = builder.endObject();
  if (!dictionary) return writeMessage(builder, HeaderType.batch, batch, metadata);
  builder.startObject(3);
  builder.addFieldInt64(DICTIONARY.id, dictionary.id, null);
  builder.addFieldOffset(DICTIONARY.data, batch, 0);
  builder.addFieldInt8(DICTIONARY.isDelta, dictionary.isDelta ? 1 : 0, 0);
  return writeMessage(builder, HeaderType.dictionary, builder.endObject(), metadata);
}

/** A vector of `count` elements that are `int64Count` zeros in all. */
function writeZeros(builder: Builder, int64Count: number, count: number): number {
  builder.startVector(count === 0 ? 8 : (8 * int64Count) / count, count, 8);
  for (let i = 0; i < int64Count; i++) builder.addInt64(0n);
  return builder.endVector();
}

function writeCompression(builder: Builder, codec: Codec): number {
  builder.startObject(2);
  builder.addFieldInt8(COMPRESSION.codec, CODECS.indexOf(codec), null);
  builder.addFieldInt8(COMPRESSION.method, 0, null);
  return builder.endObject();
}

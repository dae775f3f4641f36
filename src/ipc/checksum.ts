import { crc32 } from 'node:zlib';
import {
  type ArrayNode,
  type BufferSource,
  bitmapByteLength,
  concatenate,
  intsOf,
  type ParsedField,
  type ParsedSchema,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { ContentsReader } from './contents.js';
import { incomingContents, readIncoming } from './incoming.js';
import type { IncomingMessage, MessageContents, OutgoingMessage } from './message.js';
import { HeaderType } from './metadata.js';

/**
 * The checksum of each column of one stream (PROTOCOL.md, section 9), over messages of either side: the producer's contents lie
 * where they came from (heap or file), the consumer's where they arrived.
 */
export class ColumnChecksums {
  readonly #reader: ContentsReader;
  readonly #sums: number[];
  readonly #dictionaries = new Map<bigint, ArrayNode[]>();

  constructor(schema: ParsedSchema) {
    this.#reader = new ContentsReader(schema);
    this.#sums = schema.fields.map(() => 0);
  }

  /**
   * Carries the checksums on over a message; messages have to come in order.
   * @throws IPC_UNSUPPORTED for compressed bodies, IPC_INVALID, DATA_INVALID for offsets beyond their data.
   */
  add(message: OutgoingMessage | IncomingMessage): void {
    const contents = contentsOf(message);
    if (!contents) return;
    checkPlain(contents);
    const arrays = this.#reader.arrays(contents);
    if (contents.dictionary) {
      const { id, isDelta } = contents.dictionary;
      this.#dictionaries.set(id, [...(isDelta ? (this.#dictionaries.get(id) ?? []) : []), ...arrays]);
    } else {
      for (const [index, array] of arrays.entries()) this.#sums[index] = this.#addArray(this.#sums[index]!, array);
    }
  }

  /** Column index to eight lower-case hexadecimal digits. */
  result(): Record<string, string> {
    return Object.fromEntries(this.#sums.map((sum, index) => [index, sum.toString(16).padStart(8, '0')]));
  }

  #addArray(start: number, array: ArrayNode): number {
    const { field, length, nullCount, validity } = array;
    let sum = crc32(int64Bytes(length), start);
    if (nullCount > 0 && validity.byteLength > 0) sum = addBits(sum, validity, length);
    sum = addBuffers(sum, array);
    if (field.dictionary) sum = this.#addDictionary(sum, field);
    return array.children.reduce((carried, child) => this.#addArray(carried, child), sum);
  }

  /** An index array whose indices are all null may come before its dictionary, or without one. */
  #addDictionary(sum: number, { dictionary }: ParsedField): number {
    const parts = this.#dictionaries.get(dictionary!.id);
    return parts ? this.#addArray(sum, concatenate(parts)) : crc32(int64Bytes(0), sum);
  }
}

function contentsOf(message: OutgoingMessage | IncomingMessage): MessageContents | null {
  if ('contents' in message) return message.contents;
  const encapsulated = readIncoming(message);
  return encapsulated.headerType === HeaderType.schema ? null : incomingContents(encapsulated, message);
}

function addBuffers(sum: number, { field, length, buffers }: ArrayNode): number {
  const { layout } = field;
  switch (layout.kind) {
    case 'bits':
      return addBits(sum, buffers[0]!, length);
    case 'binary': {
      if (length === 0) return sum;
      const offsets = buffers[0]!.bytes();
      const end = Number(intsOf(offsets, layout.offsetWidth)[length]);
      const data = buffers[1]!;
      if (end < 0 || end > data.byteLength) {
        const found = `an offset of ${end} into ${data.byteLength} bytes`;
        throw new ArrowlabError(
          'DATA_INVALID',
          `column ${JSON.stringify(field.path)}: expected offsets within the data, found ${found}`,
        );
      }
      return addBytes(addBytes(sum, offsets), end === 0 ? new Uint8Array(0) : data.bytes().subarray(0, end));
    }
    case 'list':
      return length === 0 ? sum : addBytes(sum, buffers[0]!.bytes());
    default:
      return buffers.reduce((carried, buffer) => addBytes(carried, buffer.bytes()), sum);
  }
}

/** A bitmap of `length` bits, those past its end cleared. */
function addBits(sum: number, bitmap: BufferSource, length: number): number {
  const bytes = bitmap.bytes().subarray(0, bitmapByteLength(length));
  if (length % 8 === 0) return addBytes(sum, bytes);
  const last = bytes[bytes.length - 1]! & ((1 << (length % 8)) - 1);
  return crc32(Uint8Array.of(last), addBytes(sum, bytes.subarray(0, -1)));
}

/** zlib takes a length of 32 bits. */
const MAX_CRC_BYTE_LENGTH = 2 ** 30;

function addBytes(start: number, bytes: Uint8Array): number {
  let sum = start;
  for (let position = 0; position < bytes.byteLength; position += MAX_CRC_BYTE_LENGTH) {
    sum = crc32(bytes.subarray(position, position + MAX_CRC_BYTE_LENGTH), sum);
  }
  return sum;
}

function int64Bytes(value: number): Uint8Array {
  return new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
}

function checkPlain({ codec }: MessageContents): void {
  if (codec)
    throw new ArrowlabError('IPC_UNSUPPORTED', `expected plain buffers to checksum, found ones compressed by ${codec}`);
}

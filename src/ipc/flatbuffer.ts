import { ByteBuffer } from 'flatbuffers';
import { ArrowlabError } from '../errors.js';

/** As deep as Arrow C++ reads schemas: what is deeper comes from a mistake or an attack. */
const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes with a flatbuffer in them, and a count of the tables read, so that tables which share children cannot multiply. */
class FlatBuffer {
  readonly bytes: ByteBuffer;
  readonly byteLength: number;
  #tableCount = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = new ByteBuffer(bytes);
    this.byteLength = bytes.byteLength;
  }

  check(position: number, byteLength: number): number {
    if (position < 0 || position + byteLength > this.byteLength) {
      const found = `bytes ${position} to ${position + byteLength} of ${this.byteLength}`;
      throw invalid(`expected metadata that points into itself, found a reference to ${found}`);
    }
    return position;
  }

  countTable(depth: number): void {
    if (depth > MAX_DEPTH) throw invalid(`expected at most ${MAX_DEPTH} nested fields, found more`);
    if (++this.#tableCount > this.byteLength)
      throw invalid('expected each table once, found tables that share children');
  }

  /** The place that the unsigned offset at `position` points to. */
  target(position: number): number {
    return position + this.bytes.readUint32(this.check(position, 4));
  }
}

/**
 * A table of a flatbuffer whose every read is checked against the bytes' end. A field's `slot` is its number in the .fbs file.
 * All methods throw IPC_INVALID for what is out of bounds.
 */
export class FlatTable {
  readonly #buffer: FlatBuffer;
  readonly #position: number;
  readonly #depth: number;
  readonly #vtable: number;
  readonly #vtableByteLength: number;

  private constructor(buffer: FlatBuffer, position: number, depth: number) {
    buffer.countTable(depth);
    this.#buffer = buffer;
    this.#depth = depth;
    this.#position = buffer.check(position, 4);
    this.#vtable = buffer.check(position - buffer.bytes.readInt32(position), 4);
    this.#vtableByteLength = buffer.bytes.readUint16(this.#vtable);
    buffer.check(this.#vtable, this.#vtableByteLength);
  }

  /** The root table of a flatbuffer. */
  static root(bytes: Uint8Array): FlatTable {
    const buffer = new FlatBuffer(bytes);
    return new FlatTable(buffer, buffer.target(0), 0);
  }

  /** Where a scalar or struct field of `byteLength` bytes lies; undefined when it is absent. */
  position(slot: number, byteLength: number): number | undefined {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#vtableByteLength) return undefined;
    const offset = this.#buffer.bytes.readUint16(this.#vtable + entry);
    return offset === 0 ? undefined : this.#buffer.check(this.#position + offset, byteLength);
  }

  uint8(slot: number, absent = 0): number {
    const position = this.position(slot, 1);
    return position === undefined ? absent : this.#buffer.bytes.readUint8(position);
  }

  bool(slot: number): boolean {
    return this.uint8(slot) !== 0;
  }

  int16(slot: number, absent = 0): number {
    const position = this.position(slot, 2);
    return position === undefined ? absent : this.#buffer.bytes.readInt16(position);
  }

  int32(slot: number, absent = 0): number {
    const position = this.position(slot, 4);
    return position === undefined ? absent : this.#buffer.bytes.readInt32(position);
  }

  int64(slot: number): bigint {
    const position = this.position(slot, 8);
    return position === undefined ? 0n : this.#buffer.bytes.readInt64(position);
  }

  /** An int64 that counts something. */
  size(slot: number): number {
    const position = this.position(slot, 8);
    return position === undefined ? 0 : this.sizeAt(position);
  }

  /** An int64 that counts something, at an absolute position. */
  sizeAt(position: number): number {
    const { bytes } = this.#buffer;
    const size = bytes.readInt32(position + 4) * 2 ** 32 + bytes.readUint32(position);
    if (size < 0 || !Number.isSafeInteger(size)) throw invalid(`expected a size from 0 to 2^53, found ${size}`);
    return size;
  }

  int32At(position: number): number {
    return this.#buffer.bytes.readInt32(position);
  }

  table(slot: number): FlatTable | undefined {
    const position = this.position(slot, 4);
    return position === undefined ? undefined : this.#tableAt(position);
  }

  /** A table without which the one it belongs to means nothing. */
  required(slot: number, name: string): FlatTable {
    const table = this.table(slot);
    if (!table) throw invalid(`expected metadata with a ${name}, found none`);
    return table;
  }

  tables(slot: number): FlatTable[] {
    const { position, count } = this.vector(slot, 4);
    return Array.from({ length: count }, (_, i) => this.#tableAt(position + 4 * i));
  }

  string(slot: number): string | undefined {
    if (this.position(slot, 4) === undefined) return undefined;
    const { position, count } = this.vector(slot, 1);
    try {
      return utf8.decode(this.#buffer.bytes.bytes().subarray(position, position + count));
    } catch (cause) {
      throw invalid('expected names and metadata in UTF-8, found other bytes', cause);
    }
  }

  /** A vector of scalars or structs: the position of the first, and how many; none when it is absent. */
  vector(slot: number, elementByteLength: number): { readonly position: number; readonly count: number } {
    const field = this.position(slot, 4);
    if (field === undefined) return { position: 0, count: 0 };
    const start = this.#buffer.target(field);
    const count = this.#buffer.bytes.readUint32(this.#buffer.check(start, 4));
    return { position: this.#buffer.check(start + 4, count * elementByteLength), count };
  }

  #tableAt(position: number): FlatTable {
    return new FlatTable(this.#buffer, this.#buffer.target(position), this.#depth + 1);
  }
}

function invalid(message: string, cause?: unknown): ArrowlabError {
  return new ArrowlabError('IPC_INVALID', message, cause === undefined ? undefined : { cause });
}

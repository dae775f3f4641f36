import { ArrowlabError } from '../errors.js';
import { type ArrayNode, type IntArray, intBytes, intsOf } from './array.js';
import { bitmapByteLength, countBits, firstBits, sliceBitmap } from './bitmap.js';
import { type BufferSource, bytesOf, DerivedBuffer, EMPTY_BUFFER, MemoryBuffer, releasedError } from './buffer.js';
import type { ParsedField } from './field.js';
import { hasValidity, VIEW_BYTE_WIDTH } from './layout.js';
import type { DataLike, VectorLike } from './shape.js';
import { EMPTY_RANGE, rangesOf } from './union.js';

/**
 * The physical form of the `length` rows of `data` from `begin` on, with offset 0: bitmaps shifted to bit 0, offsets
 * rebased where they do not start at 0, children cut to what is referred to. Nothing is copied before a buffer's bytes
 * are asked for. Rows past `data`'s end are null (apache-arrow fills short columns of a batch up that way).
 *
 * `field` says what `data` is to be read as; it has to fit (see `differenceOf`).
 * @throws TABLE_UNRECOGNISED when a buffer is missing, too short, or not of the field's type.
 */
export function arrayOfData(field: ParsedField, data: DataLike, begin = 0, length = data.length): ArrayNode {
  return new Window(field, data, begin, length).node();
}

type Contents = Pick<ArrayNode, 'buffers' | 'children'>;

/** Some rows of a Data. */
class Window {
  /** Rows that `data` says it has; the rest of the window's are past its end. */
  readonly #present: number;
  #nullCount = 0;

  constructor(
    readonly field: ParsedField,
    readonly data: DataLike,
    readonly begin: number,
    readonly length: number,
  ) {
    this.#present = Math.max(0, Math.min(length, data.length - begin));
  }

  node(): ArrayNode {
    const { field, length } = this;
    if (field.layout.kind === 'null') {
      return { field, length, nullCount: length, validity: EMPTY_BUFFER, buffers: [], children: [] };
    }
    // How many rows are null decides how many may be missing from the buffers.
    const validity = hasValidity(field.layout) ? this.#validity() : EMPTY_BUFFER;
    const { buffers, children } = this.#contents();
    const nullCount = this.#nullCount;
    return {
      field,
      length,
      nullCount,
      validity,
      buffers,
      children,
      dictionary: field.dictionary ? this.#dictionary() : undefined,
    };
  }

  #contents(): Contents {
    const { field, begin, length } = this;
    const { layout } = field;
    switch (layout.kind) {
      case 'bits':
        return { buffers: [this.#bits()], children: [] };
      case 'fixed':
        return { buffers: [this.#fixed('values', layout.byteWidth)], children: [] };
      case 'view':
        return { buffers: [this.#fixed('values', VIEW_BYTE_WIDTH), ...this.#variadic()], children: [] };
      case 'binary': {
        const { first, last, offsets } = this.#offsets(layout.offsetWidth);
        const available = last === 0 ? 0 : this.#bytes('values').length;
        if (last > available) throw this.#misfit(`${last} bytes of data`, available);
        return { buffers: [offsets, this.#slice('values', first, last - first)], children: [] };
      }
      case 'list': {
        const { first, last, offsets } = this.#offsets(layout.offsetWidth);
        return { buffers: [offsets], children: [this.#child(0, first, last - first)] };
      }
      case 'fixedSizeList': {
        const { listSize } = layout;
        return {
          buffers: [],
          children: [this.#child(0, begin * listSize, length * listSize, this.#nullCount * listSize)],
        };
      }
      case 'struct':
        return {
          buffers: [],
          children: field.children.map((_, index) => this.#child(index, begin, length, this.#nullCount)),
        };
      case 'union':
        return layout.isDense ? this.#dense(layout.typeIds) : this.#sparse();
      default:
        throw this.#misfit('a type that apache-arrow can hold', field.type.name);
    }
  }

  #validity(): BufferSource {
    const { data, begin, length } = this;
    const missing = length - this.#present;
    const bitmap =
      data.nullBitmap == null || data.nullCount === 0 ? EMPTY_BYTES : this.#view('nullBitmap', data.nullBitmap);
    const hasBitmap = bitmap.length > 0;
    if (!hasBitmap && missing === 0) return EMPTY_BUFFER;
    const bitOffset = data.offset + begin;
    const isWhole = begin === 0 && missing === 0 && length === data.length && data.nullCount > 0;
    if (isWhole) this.#nullCount = data.nullCount;
    else this.#nullCount = length - (hasBitmap ? countBits(bitmap, bitOffset, this.#present) : this.#present);
    if (this.#nullCount === 0) return EMPTY_BUFFER;
    if (hasBitmap) return this.#bitSlice(bitmap, bitOffset);
    return new DerivedBuffer(bitmapByteLength(length), () => firstBits(length, this.#present));
  }

  #bits(): BufferSource {
    return this.#bitSlice(this.#bytes('values'), this.data.offset + this.begin);
  }

  #bitSlice(bitmap: Uint8Array, bitOffset: number): BufferSource {
    const { length } = this;
    this.#require(Math.floor(bitmap.length * 8 - bitOffset));
    const byteLength = bitmapByteLength(length);
    const firstByte = bitOffset / 8;
    if (this.#present === length && Number.isInteger(firstByte) && firstByte + byteLength <= bitmap.length) {
      return new MemoryBuffer(bitmap.subarray(firstByte, firstByte + byteLength));
    }
    const derive = () => {
      const bits = sliceBitmap(bitmap, bitOffset, this.#present);
      if (bits.length === byteLength) return bits;
      const padded = new Uint8Array(byteLength);
      padded.set(bits);
      return padded;
    };
    return new DerivedBuffer(byteLength, derive, bitmap);
  }

  #fixed(name: 'values' | 'typeIds' | 'valueOffsets', byteWidth: number): BufferSource {
    const bytes = this.length === 0 ? EMPTY_BYTES : this.#bytes(name);
    const begin = this.begin * byteWidth;
    if (byteWidth > 0) this.#require(Math.floor((bytes.length - begin) / byteWidth));
    return this.#slice(name, begin, this.length * byteWidth);
  }

  /** A part of a buffer; what is past the buffer's end, where rows are null, reads as zeros. */
  #slice(name: 'values' | 'typeIds' | 'valueOffsets', begin: number, byteLength: number): BufferSource {
    if (byteLength === 0) return EMPTY_BUFFER;
    const slice = this.#bytes(name).subarray(begin, begin + byteLength);
    if (slice.length === byteLength) return new MemoryBuffer(slice);
    const derive = () => {
      const padded = new Uint8Array(byteLength);
      padded.set(slice);
      return padded;
    };
    return new DerivedBuffer(byteLength, derive, slice);
  }

  #offsets(offsetWidth: 4 | 8): { first: number; last: number; offsets: BufferSource } {
    const { length, begin } = this;
    const all = length === 0 ? new Int32Array(0) : this.#ints('valueOffsets', offsetWidth);
    const ints = this.#withoutFilling(all.subarray(begin, begin + length + 1));
    if (length > 0) this.#require(ints.length - 1);
    const first = Number(ints[0] ?? 0);
    const last = Number(ints.at(-1) ?? 0);
    if (!(first >= 0 && last >= first)) throw this.#misfit('offsets that grow from 0 on', `${first} to ${last}`);
    const count = length + 1;
    if (first === 0 && ints.length === count) return { first, last, offsets: new MemoryBuffer(bytesOf(ints)) };
    const derive = () => intBytes(count, offsetWidth, (i) => Number(ints[i] ?? last) - first);
    const offsets = new DerivedBuffer(count * offsetWidth, derive, ints);
    return { first, last, offsets };
  }

  /** Where apache-arrow fills a short column up with nulls, the offsets that a builder had allocated ahead are zeros. */
  #withoutFilling(ints: IntArray): IntArray {
    if (this.#nullCount === 0 || Number(ints[0]) !== 0) return ints;
    let count = ints.length;
    while (count > 0 && Number(ints[count - 1]) === 0) count--;
    return count > 0 ? ints.subarray(0, count) : ints;
  }

  /** `nulls`: how many of the child's rows may be missing from its end, because the rows they belong to are null. */
  #child(index: number, begin: number, length: number, nulls = 0): ArrayNode {
    const child = this.data.children[index];
    if (!child) throw this.#misfit(`${this.field.children.length} children`, this.data.children.length);
    if (begin < 0 || begin + length > child.length + nulls) {
      throw this.#misfit(`rows ${begin} to ${begin + length} of child ${index}`, `${child.length} rows`);
    }
    return arrayOfData(this.field.children[index]!, child, begin, length);
  }

  #sparse(): Contents {
    this.#requireAll();
    const children = this.field.children.map((_, index) => this.#child(index, this.begin, this.length));
    return { buffers: [this.#fixed('typeIds', 1)], children };
  }

  /** A window of a dense union takes from each child what lies between the lowest and the highest offset into it. */
  #dense(typeIds: readonly number[]): Contents {
    this.#requireAll();
    const { data, field, begin, length } = this;
    const [ids, valueOffsets] = [this.#fixed('typeIds', 1), this.#fixed('valueOffsets', 4)];
    const isWhole = begin === 0 && data.offset === 0 && length === data.length;
    if (isWhole) {
      const children = field.children.map((_, index) => this.#child(index, 0, data.children[index]?.length ?? 0));
      return { buffers: [ids, valueOffsets], children };
    }
    const [idBytes, offsets] = [ids.bytes(), intsOf(valueOffsets.bytes(), 4) as Int32Array];
    const ranges = rangesOf(idBytes, offsets);
    const children = typeIds.map((id, index) => {
      const { first, length } = ranges[id] ?? EMPTY_RANGE;
      return this.#child(index, first, length);
    });
    const derive = () => intBytes(length, 4, (i) => offsets[i]! - ranges[idBytes[i]!]!.first);
    const rebased = new DerivedBuffer(length * 4, derive, offsets);
    return { buffers: [ids, rebased], children };
  }

  #dictionary(): VectorLike {
    const { dictionary } = this.data;
    if (!dictionary) throw this.#misfit('a dictionary', 'none');
    return dictionary;
  }

  #bytes(name: 'values' | 'typeIds' | 'valueOffsets'): Uint8Array {
    const view = this.data[name];
    return view == null && this.#present === 0 ? EMPTY_BYTES : this.#view(name, view);
  }

  #view(name: string, view: unknown): Uint8Array {
    if (!ArrayBuffer.isView(view)) throw this.#misfit(`${name} as a typed array`, typeof view);
    try {
      return bytesOf(view);
    } catch (cause) {
      throw releasedError(`none behind ${name} of column ${JSON.stringify(this.field.path)}`, cause);
    }
  }

  #variadic(): BufferSource[] {
    return (this.data.variadicBuffers ?? []).map((view) => new MemoryBuffer(this.#view('variadicBuffers', view)));
  }

  #ints(name: 'valueOffsets', byteWidth: 4 | 8): IntArray {
    return intsOf(this.#bytes(name), byteWidth);
  }

  /** Rows may be missing from the end of a buffer as far as they can be null. */
  #require(rows: number): void {
    const found = Math.max(rows, 0);
    if (found + this.#nullCount < this.length) throw this.#misfit(`buffers of ${this.length} rows`, `${found} rows`);
  }

  #requireAll(): void {
    if (this.#present < this.length) throw this.#misfit(`${this.length} rows of a union`, `${this.#present}`);
  }

  #misfit(expected: string, found: unknown): ArrowlabError {
    const { path, type } = this.field;
    return new ArrowlabError(
      'TABLE_UNRECOGNISED',
      `column ${JSON.stringify(path)} of type ${type.name}: expected ${expected}, found ${found}`,
    );
  }
}

const EMPTY_BYTES = new Uint8Array(0);

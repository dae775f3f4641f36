import { ArrowlabError } from '../errors.js';
import { type ArrayNode, intBytes, intsOf } from './array.js';
import { appendBits, bitmapByteLength } from './bitmap.js';
import { type BufferSource, DerivedBuffer, EMPTY_BUFFER } from './buffer.js';
import { VIEW_BYTE_WIDTH } from './layout.js';

/**
 * One array of the rows of all of `parts`, which are of the same field and at least one: the whole of a dictionary that
 * came in deltas. Its buffers are made when they are asked for; offsets start at 0 afterwards.
 * @throws IPC_UNSUPPORTED when the whole does not fit the type's offsets, or a list does not refer to all of its child.
 */
export function concatenate(parts: readonly ArrayNode[]): ArrayNode {
  const { field } = parts[0]!;
  if (parts.length === 1) return parts[0]!;
  const length = sum(parts.map((part) => part.length));
  const nullCount = sum(parts.map((part) => part.nullCount));
  const validity = nullCount > 0 ? joinBits(parts, (part) => part.validity, length) : EMPTY_BUFFER;
  return { field, length, nullCount, validity, ...joinContents(parts, length) };
}

type Contents = Pick<ArrayNode, 'buffers' | 'children'>;

function joinContents(parts: readonly ArrayNode[], length: number): Contents {
  const { field } = parts[0]!;
  const { layout } = field;
  const buffer = (index: number) => join(parts.map((part) => part.buffers[index]!));
  // An array of indices has none of its values' children.
  const children = (field.dictionary ? [] : field.children).map((_, child) =>
    concatenate(parts.map((part) => part.children[child]!)),
  );
  const starts = (child: number) => startsOf(parts.map((part) => part.children[child]!.length));
  switch (layout.kind) {
    case 'null':
    case 'struct':
    case 'fixedSizeList':
      return { buffers: [], children };
    case 'bits':
      return { buffers: [joinBits(parts, (part) => part.buffers[0]!, length)], children };
    case 'fixed':
      return { buffers: [buffer(0)], children };
    case 'view':
      return { buffers: [joinViews(parts), ...parts.flatMap((part) => part.buffers.slice(1))], children };
    case 'binary': {
      const spans = parts.map((part) => spanOf(part, layout.offsetWidth));
      const data = parts.map((part, i) => cut(part.buffers[1]!, spans[i]!));
      return { buffers: [joinOffsets(parts, spans, layout.offsetWidth), join(data)], children };
    }
    case 'list': {
      const spans = parts.map((part) => spanOf(part, layout.offsetWidth));
      for (const [i, { first, last }] of spans.entries()) {
        const childLength = parts[i]!.children[0]!.length;
        if (first !== 0 || last !== childLength) {
          throw cannotJoin(parts, `a list that refers to rows ${first} to ${last} of ${childLength}`);
        }
      }
      return { buffers: [joinOffsets(parts, spans, layout.offsetWidth)], children };
    }
    case 'listView': {
      const start = starts(0);
      const offsets = joinInts(parts, 0, layout.offsetWidth, (part) => () => start[part]!);
      return { buffers: [offsets, buffer(1)], children };
    }
    case 'union': {
      if (!layout.isDense) return { buffers: [buffer(0)], children };
      const startOfId = new Map(layout.typeIds.map((id, child) => [id, starts(child)]));
      const offsets = joinInts(parts, 1, 4, (part) => {
        const ids = parts[part]!.buffers[0]!.bytes();
        return (row) => startOfId.get(ids[row]!)?.[part] ?? 0;
      });
      return { buffers: [buffer(0), offsets], children };
    }
    case 'runEnd': {
      const [runEnds, values] = children as [ArrayNode, ArrayNode];
      return { buffers: [], children: [{ ...runEnds, buffers: [joinRunEnds(parts, runEnds)] }, values] };
    }
  }
}

interface Span {
  readonly first: number;
  readonly last: number;
}

/** From the first row's offset to the last one's end. */
function spanOf(part: ArrayNode, offsetWidth: 4 | 8): Span {
  if (part.length === 0) return { first: 0, last: 0 };
  const offsets = intsOf(part.buffers[0]!.bytes(), offsetWidth);
  return { first: Number(offsets[0]), last: Number(offsets[part.length]) };
}

function cut(buffer: BufferSource, { first, last }: Span): BufferSource {
  return new DerivedBuffer(last - first, () => buffer.bytes().subarray(first, last));
}

function join(buffers: readonly BufferSource[]): BufferSource {
  return new DerivedBuffer(sum(buffers.map((buffer) => buffer.byteLength)), () =>
    Buffer.concat(buffers.map((buffer) => buffer.bytes())),
  );
}

function joinBits(
  parts: readonly ArrayNode[],
  bitmapOf: (part: ArrayNode) => BufferSource,
  length: number,
): BufferSource {
  return new DerivedBuffer(bitmapByteLength(length), () => {
    const bits = new Uint8Array(bitmapByteLength(length));
    let bitOffset = 0;
    for (const part of parts) {
      const bitmap = bitmapOf(part);
      // No bitmap means that all are valid.
      const source = bitmap.byteLength > 0 ? bitmap.bytes() : new Uint8Array(bitmapByteLength(part.length)).fill(255);
      appendBits(bits, bitOffset, source, part.length);
      bitOffset += part.length;
    }
    return bits;
  });
}

/** The `n + 1` offsets of the whole: each part's, moved from where its values start to where they do in the whole. */
function joinOffsets(parts: readonly ArrayNode[], spans: readonly Span[], offsetWidth: 4 | 8): BufferSource {
  const starts = startsOf(spans.map(({ first, last }) => last - first));
  const last = starts.at(-1)! + spans.at(-1)!.last - spans.at(-1)!.first;
  if (offsetWidth === 4 && last > 2 ** 31 - 1) throw cannotJoin(parts, `${last} behind 32-bit offsets`);
  const rows = joinInts(parts, 0, offsetWidth, (part) => () => starts[part]! - spans[part]!.first);
  return new DerivedBuffer(rows.byteLength + offsetWidth, () =>
    Buffer.concat([rows.bytes(), intBytes(1, offsetWidth, () => last)]),
  );
}

/** One integer a row, to which `shiftOf` its part and row is added. */
function joinInts(
  parts: readonly ArrayNode[],
  buffer: number,
  byteWidth: 4 | 8,
  shiftOf: (part: number) => (row: number) => number,
): BufferSource {
  return new DerivedBuffer(sum(parts.map((part) => part.length)) * byteWidth, () =>
    Buffer.concat(
      parts.map((part, index) => {
        const ints = intsOf(part.buffers[buffer]!.bytes(), byteWidth);
        const shift = shiftOf(index);
        return intBytes(part.length, byteWidth, (row) => Number(ints[row]) + shift(row));
      }),
    ),
  );
}

/** Views longer than 12 bytes name a variadic buffer, whose number grows by those of the parts before. */
function joinViews(parts: readonly ArrayNode[]): BufferSource {
  const starts = startsOf(parts.map((part) => part.buffers.length - 1));
  return new DerivedBuffer(sum(parts.map((part) => part.length)) * VIEW_BYTE_WIDTH, () => {
    const joined = Buffer.concat(parts.map((part) => part.buffers[0]!.bytes()));
    let position = 0;
    for (const [index, part] of parts.entries()) {
      for (let row = 0; row < part.length; row++, position += VIEW_BYTE_WIDTH) {
        if (joined.readInt32LE(position) <= 12) continue;
        joined.writeInt32LE(joined.readInt32LE(position + 8) + starts[index]!, position + 8);
      }
    }
    return joined;
  });
}

function joinRunEnds(parts: readonly ArrayNode[], { field, length }: ArrayNode): BufferSource {
  const starts = startsOf(parts.map((part) => part.length));
  const { layout } = field;
  const byteWidth = layout.kind === 'fixed' ? layout.byteWidth : 0;
  return new DerivedBuffer(length * byteWidth, () => {
    const joined = Buffer.concat(parts.map((part) => part.children[0]!.buffers[0]!.bytes()));
    const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
    let position = 0;
    for (const [index, part] of parts.entries()) {
      for (let run = 0; run < part.children[0]!.length; run++, position += byteWidth) {
        if (byteWidth === 2) view.setInt16(position, view.getInt16(position, true) + starts[index]!, true);
        else if (byteWidth === 4) view.setInt32(position, view.getInt32(position, true) + starts[index]!, true);
        else view.setBigInt64(position, view.getBigInt64(position, true) + BigInt(starts[index]!), true);
      }
    }
    return joined;
  });
}

function startsOf(lengths: readonly number[]): number[] {
  let start = 0;
  return lengths.map((length) => {
    start += length;
    return start - length;
  });
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

function cannotJoin(parts: readonly ArrayNode[], found: string): ArrowlabError {
  const { path } = parts[0]!.field;
  return new ArrowlabError(
    'IPC_UNSUPPORTED',
    `cannot join the ${parts.length} parts of the dictionary of field ${JSON.stringify(path)}: found ${found}`,
  );
}

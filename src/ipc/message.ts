import { type BufferSource, releasedError } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { type BatchHeader, type BufferRange, HeaderTemplate } from './batch-header.js';
import { ALIGNMENT } from './metadata.js';
import type { Sink } from './sink.js';

/** One encapsulated IPC message that is sized but not written yet. */
export interface OutgoingMessage {
  readonly kind: 'schema' | 'dictionary' | 'batch';
  readonly dictionaryId?: bigint;
  readonly isDelta?: boolean;
  /** Of the batch, or of the dictionary that the message carries; 0 for a schema. */
  readonly rows: number;
  /** Of all of it: prefix, metadata, body, padding. */
  readonly byteLength: number;
  /** What it says; null for a schema. */
  readonly contents: MessageContents | null;
  /** Writes it. Padding is not written. Can be repeated while the memory or file that the buffers come from is unchanged. Throws RELEASED where that memory was given back. */
  placeInto(sink: Sink): void;
}

/**
 * What a consumer got: its length, and a way to get windows on it. A decoder keeps the dictionaries it still needs by `keep`,
 * and ends that with `letGo`; both are for messages in memory that has to be given back.
 */
export interface IncomingMessage {
  readonly byteLength: number;
  bytes(offset: number, byteLength: number): Uint8Array;
  keep?(): void;
  letGo?(): void;
}

/** The contents of a record batch or dictionary message: its header's numbers, and its buffers wherever they lie. */
export interface MessageContents extends Omit<BatchHeader, 'buffers'> {
  readonly buffers: readonly BufferSource[];
}

/** Templates of the headers of one stream, by shape. */
export type HeaderTemplates = Map<string, HeaderTemplate>;

/** How the buffers get into a sink: `ranges` are theirs, relative to the message. */
export type Placing = (sink: Sink, ranges: readonly BufferRange[]) => void;

/** The message of some contents; `place` writes the buffers, otherwise their bytes are written one by one. */
export function outgoingMessage(
  contents: MessageContents,
  templates: HeaderTemplates,
  place: Placing = (sink, ranges) => writeBuffers(sink, contents.buffers, ranges),
): OutgoingMessage {
  const { dictionary, rows, buffers } = contents;
  let bodyByteLength = 0;
  const inBody = buffers.map(({ byteLength }) => {
    const offset = bodyByteLength;
    bodyByteLength += Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
    return { offset, byteLength };
  });
  if (!Number.isSafeInteger(bodyByteLength)) {
    throw new ArrowlabError('IPC_INVALID', `expected buffers of at most 2^53 bytes, found ${bodyByteLength}`);
  }
  const template = templateOf(contents, templates);
  const start = template.byteLength;
  return {
    kind: dictionary ? 'dictionary' : 'batch',
    ...(dictionary && { dictionaryId: dictionary.id, isDelta: dictionary.isDelta }),
    rows,
    byteLength: start + bodyByteLength,
    contents,
    placeInto(sink) {
      sink.write(0, template.fill({ ...contents, buffers: inBody }, bodyByteLength));
      place(
        sink,
        inBody.map(({ offset, byteLength }) => ({ offset: start + offset, byteLength })),
      );
    },
  };
}

function writeBuffers(sink: Sink, buffers: readonly BufferSource[], ranges: readonly BufferRange[]): void {
  for (const [index, { offset, byteLength }] of ranges.entries()) {
    if (byteLength === 0) continue;
    const bytes = buffers[index]!.bytes();
    // Memory that was given back since the message was sized reads as shorter: what was in the sink before would go out.
    if (bytes.byteLength !== byteLength) throw releasedError(`${bytes.byteLength} of a buffer's ${byteLength} bytes`);
    sink.write(offset, bytes);
  }
}

/** What goes in front of a body, and how long the message is with it. */
export interface HeaderInPlace {
  readonly bytes: Uint8Array;
  readonly messageByteLength: number;
}

/** The header of contents whose buffers lie in place, in a body that begins where the header ends; empty ones may lie nowhere. */
export function headerInPlace(contents: MessageContents, templates: HeaderTemplates): HeaderInPlace {
  let end = 0;
  const buffers = contents.buffers.map(({ byteLength, bodyOffset: offset = 0 }) => {
    end = Math.max(end, offset + byteLength);
    return { offset, byteLength };
  });
  const bodyByteLength = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
  const bytes = templateOf(contents, templates).fill({ ...contents, buffers }, bodyByteLength);
  return { bytes, messageByteLength: bytes.byteLength + bodyByteLength };
}

/** Metadata of its own is rare enough to be written each time. */
function templateOf(contents: MessageContents, templates: HeaderTemplates): HeaderTemplate {
  const { dictionary, codec, metadata, nodes, buffers, variadicBufferCounts } = contents;
  const shape = {
    dictionary,
    codec,
    metadata,
    nodeCount: nodes.length,
    bufferCount: buffers.length,
    variadicCount: variadicBufferCounts.length,
  };
  if (metadata.size > 0) return new HeaderTemplate(shape);
  const key = `${shape.nodeCount} ${shape.bufferCount} ${shape.variadicCount} ${codec} ${dictionary?.id} ${dictionary?.isDelta}`;
  const template = templates.get(key) ?? new HeaderTemplate(shape);
  templates.set(key, template);
  return template;
}

/** A schema's message, from its bytes. */
export function schemaMessage(bytes: Uint8Array): OutgoingMessage {
  return {
    kind: 'schema',
    rows: 0,
    byteLength: bytes.byteLength,
    contents: null,
    placeInto: (sink) => sink.write(0, bytes),
  };
}

import {
  type ArrayNode,
  type BufferSource,
  dictionaryFields,
  type ParsedField,
  type ParsedSchema,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { readBatchHeader } from './batch-header.js';
import { arraysOf } from './body.js';
import type { MessageContents } from './message.js';
import type { Message } from './metadata.js';

/**
 * The contents of a dictionary or record batch message; `bufferAt` gives a part of its body.
 * @throws IPC_INVALID when a buffer leaves the body.
 */
export function readContents(
  { headerType, header, metadata, bodyByteLength }: Message,
  bufferAt: (offset: number, byteLength: number) => BufferSource,
): MessageContents {
  const batch = readBatchHeader(headerType, header, metadata);
  const buffers = batch.buffers.map(({ offset, byteLength }, index) => {
    if (offset + byteLength > bodyByteLength) {
      const found = `buffer ${index} from byte ${offset} to ${offset + byteLength}`;
      throw new ArrowlabError(
        'IPC_INVALID',
        `expected buffers inside the body of ${bodyByteLength} bytes, found ${found}`,
      );
    }
    return bufferAt(offset, byteLength);
  });
  return { ...batch, buffers };
}

/** Reads the contents of one stream's messages by its schema. */
export class ContentsReader {
  readonly #schema: ParsedSchema;
  readonly #values: ReadonlyMap<bigint, ParsedField>;

  constructor(schema: ParsedSchema) {
    this.#schema = schema;
    this.#values = new Map(
      [...dictionaryFields(schema.fields)].map(({ dictionary, values }) => [dictionary!.id, values!]),
    );
  }

  /**
   * A record batch's columns, or the one array of a dictionary's values.
   * @throws IPC_INVALID when they do not fit the schema.
   */
  arrays(contents: MessageContents): ArrayNode[] {
    const { dictionary } = contents;
    if (!dictionary) return arraysOf(this.#schema.fields, contents);
    const values = this.#values.get(dictionary.id);
    if (!values)
      throw new ArrowlabError('IPC_INVALID', `expected a dictionary that the schema names, found id ${dictionary.id}`);
    return arraysOf([values], contents);
  }
}

/** Says where an error was met; its code stays, and so does it itself, as the cause. */
export function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArrowlabError)
      throw new ArrowlabError(error.number, `${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

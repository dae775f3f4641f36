import type { ParsedSchema } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { ContentsReader, located, readContents } from './contents.js';
import { type EncapsulatedMessage, readEncapsulated } from './encapsulated.js';
import { type Block, isFile, readFooter } from './footer.js';
import { type HeaderTemplates, type OutgoingMessage, outgoingMessage, schemaMessage } from './message.js';
import { HeaderType } from './metadata.js';
import { readSchema, writeSchemaMessage } from './schema-message.js';
import { type IpcSource, ipcSource, placing } from './source.js';
import { Validator } from './validate.js';

export interface ReadIpcOptions {
  /** 'structure' (default) reads headers only; 'full' reads and checks every value too, before a message is given out. */
  readonly validate?: 'structure' | 'full';
}

export interface IpcMessages {
  readonly schema: ParsedSchema;
  /** The schema's message first, then dictionaries and batches as they come. Can be asked for again. */
  messages(): Iterable<OutgoingMessage>;
}

/**
 * An Arrow IPC stream or file, from the descriptor of a regular file or from bytes, as messages whose every buffer starts at a
 * multiple of 64. Headers are read and checked as the messages are asked for; buffers are read when a message is placed.
 * Compressed bodies pass through. The caller keeps the descriptor open, and closes it.
 * @throws IPC_INVALID, IPC_UNSUPPORTED, DATA_INVALID naming the message and its byte position, INVALID_ARGUMENT, SYSTEM
 */
export function readIpc(source: number | Uint8Array, { validate = 'structure' }: ReadIpcOptions = {}): IpcMessages {
  const bytes = ipcSource(source);
  const { schema, encapsulated } = isFile(bytes) ? openFile(bytes) : openStream(bytes);
  return {
    schema,
    *messages() {
      const reader = new ContentsReader(schema);
      const validator = validate === 'full' ? new Validator() : undefined;
      const templates: HeaderTemplates = new Map();
      yield schemaMessage(writeSchemaMessage(schema));
      let number = 1;
      for (const { position, read } of encapsulated()) {
        const message = located(`message ${number} at byte ${position}`, () => {
          const found = read();
          return found && outgoing(bytes, found, reader, validator, templates);
        });
        if (!message) return;
        yield message;
        number++;
      }
    },
  };
}

interface Opened {
  readonly schema: ParsedSchema;
  /** Where the messages after the schema are; `read` gives undefined at the end of a stream. */
  encapsulated(): Iterable<{ readonly position: number; read(): EncapsulatedMessage | undefined }>;
}

function openStream(source: IpcSource): Opened {
  const first = located('message 0 at byte 0', () => {
    const message = readEncapsulated(source, 0);
    if (message?.headerType !== HeaderType.schema) {
      throw new ArrowlabError('IPC_INVALID', `expected a schema, found ${message ? 'another message' : 'the end'}`);
    }
    return { schema: readSchema(message.header, message.version), endPosition: message.endPosition };
  });
  return {
    schema: first.schema,
    *encapsulated() {
      for (let position = first.endPosition; ; ) {
        let end = position;
        const read = () => {
          const message = readEncapsulated(source, position);
          end = message?.endPosition ?? position;
          return message;
        };
        yield { position, read };
        position = end;
      }
    },
  };
}

function openFile(source: IpcSource): Opened {
  const { schema, dictionaries, batches } = located('the footer', () => readFooter(source));
  return {
    schema,
    *encapsulated() {
      for (const block of dictionaries)
        yield { position: block.position, read: () => readBlock(source, block, HeaderType.dictionary) };
      for (const block of batches)
        yield { position: block.position, read: () => readBlock(source, block, HeaderType.batch) };
    },
  };
}

function readBlock(source: IpcSource, block: Block, headerType: number): EncapsulatedMessage {
  const message = readEncapsulated(source, block.position);
  const found = message && { metadata: message.bodyPosition - message.position, body: message.bodyByteLength };
  if (
    message?.headerType !== headerType ||
    found?.metadata !== block.metadataByteLength ||
    found.body !== block.bodyByteLength
  ) {
    const expected = `${block.metadataByteLength} bytes of metadata and ${block.bodyByteLength} of body`;
    throw new ArrowlabError(
      'IPC_INVALID',
      `expected the message that the footer describes, of ${expected}, found another`,
    );
  }
  return message;
}

function outgoing(
  source: IpcSource,
  message: EncapsulatedMessage,
  reader: ContentsReader,
  validator: Validator | undefined,
  templates: HeaderTemplates,
): OutgoingMessage {
  if (message.headerType === HeaderType.schema)
    throw new ArrowlabError('IPC_INVALID', 'expected one schema, found another');
  const { bodyPosition } = message;
  const ranges: { offset: number; byteLength: number }[] = [];
  const contents = readContents(message, (offset, byteLength) => {
    ranges.push({ offset, byteLength });
    return source.buffer(bodyPosition + offset, byteLength);
  });
  const arrays = reader.arrays(contents);
  validator?.check(contents, arrays);
  return outgoingMessage(contents, templates, placing(source, bodyPosition, ranges));
}

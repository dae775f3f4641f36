import { constants } from 'node:buffer';
import { makeData, RecordBatch, type Schema, Struct } from 'apache-arrow';
import { type ArrayNode, type ParsedSchema, toArrowData, toArrowSchema } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { ContentsReader, located } from './contents.js';
import type { EncapsulatedMessage } from './encapsulated.js';
import { incomingContents, readIncoming } from './incoming.js';
import type { IncomingMessage } from './message.js';
import { HeaderType } from './metadata.js';
import { ReceivedDictionaries } from './received-dictionaries.js';
import { readSchema } from './schema-message.js';
import { Validator } from './validate.js';

/** What one message was. */
export type Decoded =
  | { readonly kind: 'schema'; readonly schema: Schema; readonly parsed: ParsedSchema }
  | { readonly kind: 'dictionary' }
  | {
      readonly kind: 'batch';
      readonly batch: RecordBatch;
      /** What the batch's buffers lie in: its own message, then those of the dictionaries it uses. They have to outlive it. */
      readonly messages: readonly IncomingMessage[];
    };

export interface StreamDecoderOptions {
  /** 'structure' checks what protects this process; 'full' reads and checks every value too. */
  readonly validate: 'structure' | 'full';
}

/** Reads one stream's messages as apache-arrow's record batches over the messages' own bytes; nothing is copied. */
export class StreamDecoder {
  readonly #validator: Validator | undefined;
  #stream: OpenStream | undefined;
  #count = 0;

  constructor({ validate }: StreamDecoderOptions) {
    this.#validator = validate === 'full' ? new Validator() : undefined;
  }

  /**
   * The next message of the stream. The decoder `keep`s the message of a dictionary until it is replaced or `close` is called.
   * @throws IPC_INVALID, IPC_UNSUPPORTED, TYPE_UNSUPPORTED, DATA_INVALID naming the message.
   */
  accept(message: IncomingMessage): Decoded {
    return located(`message ${this.#count++}`, () => {
      const encapsulated = readIncoming(message);
      const isSchema = encapsulated.headerType === HeaderType.schema;
      if (isSchema === (this.#stream !== undefined)) {
        throw new ArrowlabError(
          'IPC_INVALID',
          `expected ${isSchema ? 'one schema, found another' : 'a schema first, found data'}`,
        );
      }
      if (this.#stream) return this.#stream.accept(encapsulated, message);
      this.#stream = new OpenStream(readSchema(encapsulated.header, encapsulated.version), this.#validator);
      return { kind: 'schema', schema: this.#stream.schema, parsed: this.#stream.parsed };
    });
  }

  /** Lets the dictionaries go. Batches that were given out are not touched. */
  close(): void {
    this.#stream?.dictionaries.close();
  }
}

/** A stream whose schema is known. */
class OpenStream {
  readonly schema: Schema;
  readonly dictionaries: ReceivedDictionaries;
  readonly #reader: ContentsReader;

  constructor(
    readonly parsed: ParsedSchema,
    readonly validator: Validator | undefined,
  ) {
    this.schema = toArrowSchema(parsed);
    this.dictionaries = new ReceivedDictionaries(this.schema.dictionaries);
    this.#reader = new ContentsReader(parsed);
  }

  accept(encapsulated: EncapsulatedMessage, message: IncomingMessage): Decoded {
    const contents = incomingContents(encapsulated, message);
    if (contents.codec) {
      const found = `ones compressed by ${contents.codec}`;
      throw new ArrowlabError(
        'IPC_UNSUPPORTED',
        `expected plain buffers, found ${found}: write them uncompressed, or read them in Python or Rust`,
      );
    }
    const arrays = this.#reader.arrays(contents);
    if (message.byteLength > constants.MAX_LENGTH) arrays.forEach(checkByteLengths);
    this.validator?.check(contents, arrays);
    const { dictionary, rows, metadata } = contents;
    if (dictionary) {
      this.dictionaries.add(dictionary.id, dictionary.isDelta, arrays[0]!, message);
      return { kind: 'dictionary' };
    }
    const batch = this.#batch(arrays, rows, new Map(metadata));
    return { kind: 'batch', batch, messages: [message, ...this.dictionaries.messagesOf(this.parsed.fields)] };
  }

  #batch(arrays: readonly ArrayNode[], rows: number, metadata: Map<string, string>): RecordBatch {
    const { schema } = this;
    const children = arrays.map((array, index) =>
      toArrowData(array, schema.fields[index]!.type, this.dictionaries.vectorOf),
    );
    const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
    // Its constructor merges fields of the same name; the batch's schema is the stream's.
    return Object.assign(new RecordBatch(schema, data, metadata), { schema });
  }
}

/** A typed array can hold only so much. */
function checkByteLengths({ field, validity, buffers, children }: ArrayNode): void {
  for (const { byteLength } of [validity, ...buffers]) {
    if (byteLength > constants.MAX_LENGTH) {
      const expected = `expected buffers of at most ${constants.MAX_LENGTH} bytes on Node ${process.versions.node}`;
      throw new ArrowlabError(
        'IPC_UNSUPPORTED',
        `column ${JSON.stringify(field.path)}: ${expected}, found one of ${byteLength}: use Node 22 or later, or smaller batches`,
      );
    }
  }
  children.forEach(checkByteLengths);
}

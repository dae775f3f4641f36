import { readFileSync } from 'node:fs';
import type { RowAppender, RowFormat } from '../../columns/index.js';
import {
  delimitedMessages,
  type Framing,
  type ProtobufAppender,
  type ProtobufFormat,
  type ProtobufOptions,
  protobufRows,
} from '../../columns/protobuf/index.js';
import { ArrowlabError } from '../../errors.js';
import type { RowInput } from './row-input.js';

export interface ProtobufInputOptions extends ProtobufOptions {
  readonly source: { readonly protoFile: string } | { readonly descriptorSetFile: string };
  readonly message: string;
  readonly framing: Framing;
}

/** Messages, each with its length in front. */
export class ProtobufInput implements RowInput<Uint8Array> {
  readonly format: RowFormat<Uint8Array>;
  readonly #messages: AsyncIterable<Uint8Array>;
  readonly #appenders: ProtobufAppender[] = [];

  /** @throws INVALID_ARGUMENT */
  constructor(chunks: AsyncIterable<Buffer>, { source, message, framing, ...options }: ProtobufInputOptions) {
    const format =
      'protoFile' in source
        ? inFlags(() => protobufRows(source.protoFile, message, options))
        : protobufRows(readDescriptorSet(source.descriptorSetFile), message, options);
    this.format = this.#counting(format);
    this.#messages = delimitedMessages(chunks, { framing });
  }

  get malformed(): number {
    return this.#appenders.reduce((sum, { malformed }) => sum + malformed, 0);
  }

  /** Fields of messages that the descriptor does not know. */
  get unknownFields(): number {
    return this.#appenders.reduce((sum, { unknownFields }) => sum + unknownFields, 0);
  }

  /** The appender says which message it is, and skips those that are to be skipped. */
  refused(error: ArrowlabError): void {
    throw error;
  }

  async *groups(): AsyncGenerator<Iterable<Uint8Array>, void, undefined> {
    for await (const message of this.#messages) yield [message];
  }

  #counting(format: ProtobufFormat): RowFormat<Uint8Array> {
    return { parsedSchema: format.parsedSchema, appender: () => this.#noted(format.appender()) };
  }

  #noted(appender: ProtobufAppender): RowAppender<Uint8Array> {
    this.#appenders.push(appender);
    return appender;
  }
}

/** The reader of .proto files speaks of its options, and not of those of the command line. */
function inFlags<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ArrowlabError)) throw error;
    const message = error.message.replace('(includePaths adds folders)', '(--include FOLDER adds folders)');
    throw new ArrowlabError(error.number, message, { cause: error });
  }
}

function readDescriptorSet(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const found = (cause as Error).message;
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected --descriptor-set as a file that can be read, found ${found}`,
      {
        cause,
      },
    );
  }
}

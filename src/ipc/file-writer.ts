import type { RecordBatchLike, SchemaLike, TableLike } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import { StreamEncoder } from './encoder.js';
import { type Block, fileHead, fileTail, HEAD_BYTE_LENGTH } from './footer.js';
import type { OutgoingMessage } from './message.js';
import { ALIGNMENT } from './metadata.js';
import { endOfStream, writeAll, writeMessage } from './writer.js';

/**
 * Writes record batches as an Arrow IPC file to a file descriptor, in order. It is no file before `end()`. The caller owns the descriptor and
 * closes it.
 */
export class FileWriter {
  readonly #fd: number;
  readonly #encoder: StreamEncoder;
  readonly #dictionaries: Block[] = [];
  readonly #batches: Block[] = [];
  readonly #written = new Set<bigint>();
  #position = HEAD_BYTE_LENGTH;

  /** Writes the magic and the schema. @throws SYSTEM, TABLE_UNRECOGNISED */
  constructor(fd: number, schema: SchemaLike) {
    this.#fd = fd;
    this.#encoder = new StreamEncoder(schema);
    writeAll(fd, fileHead());
    this.#append(this.#encoder.schemaMessage);
  }

  /** @throws SYSTEM, IPC_UNSUPPORTED where a dictionary replaces an earlier one, and what `StreamEncoder.encode` throws. */
  write(data: TableLike | RecordBatchLike): void {
    for (const message of this.#encoder.encode(data)) {
      if (message.kind === 'dictionary') this.#checkNew(message);
      const block = this.#append(message);
      if (message.kind === 'dictionary') this.#dictionaries.push(block);
      else this.#batches.push(block);
    }
  }

  /** Writes the footer. */
  end(): void {
    writeAll(this.#fd, endOfStream());
    const footer = { schema: this.#encoder.schema, dictionaries: this.#dictionaries, batches: this.#batches };
    writeAll(this.#fd, fileTail(footer));
  }

  #checkNew({ dictionaryId, isDelta }: OutgoingMessage): void {
    if (!isDelta && this.#written.has(dictionaryId!))
      throw new ArrowlabError(
        'IPC_UNSUPPORTED',
        `expected each dictionary once or growing, as a file has it, found dictionary ${dictionaryId} replaced: write an Arrow IPC stream`,
      );
    this.#written.add(dictionaryId!);
  }

  #append(message: OutgoingMessage): Block {
    writeMessage(this.#fd, message);
    const buffers = message.contents?.buffers ?? [];
    const bodyByteLength = buffers.reduce(
      (sum, { byteLength }) => sum + Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT,
      0,
    );
    const block = {
      position: this.#position,
      metadataByteLength: message.byteLength - bodyByteLength,
      bodyByteLength,
    };
    this.#position += message.byteLength;
    return block;
  }
}

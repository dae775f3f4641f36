import type { DescMessage } from '@bufbuild/protobuf';
import type { Schema } from 'apache-arrow';
import { ArrowlabError } from '../../errors.js';
import { toArrowSchema } from '../arrow-js.js';
import type { RowFormat } from '../build/row-format.js';
import type { ParsedSchema } from '../schema.js';
import { ProtobufAppender, type Skipped } from './appender.js';
import { messageOfSet } from './descriptor.js';
import { planOf } from './mapping.js';
import { type ProtobufOptions, resolveOptions } from './options.js';
import type { Plan } from './plan.js';
import { descriptorSetOfFile } from './proto-file.js';

/** How encoded messages of one type become rows. */
export class ProtobufFormat implements RowFormat<Uint8Array> {
  readonly parsedSchema: ParsedSchema;
  /** What was skipped so far, in all streams and tables that take their rows in this format. */
  readonly skipped: Skipped = { unknownFields: 0, malformed: 0 };
  readonly #plan: Plan;
  readonly #skipsMalformed: boolean;

  /** @throws INVALID_ARGUMENT for options that are none. */
  constructor(
    readonly message: DescMessage,
    options: ProtobufOptions = {},
  ) {
    const resolved = resolveOptions(options);
    this.#plan = planOf(message, resolved);
    this.#skipsMalformed = resolved.malformed === 'skip';
    this.parsedSchema = { fields: this.#plan.root.slot.children.map(({ field }) => field!), metadata: new Map() };
  }

  /** The schema as apache-arrow's own class, to announce a stream with. */
  get schema(): Schema {
    return toArrowSchema(this.parsedSchema);
  }

  appender(): ProtobufAppender {
    return new ProtobufAppender(this.#plan, this.#skipsMalformed, undefined, this.skipped);
  }
}

/**
 * How messages become rows, by the descriptor of one of @bufbuild/protobuf, or by its full name (`pkg.Message`) in the bytes of a
 * FileDescriptorSet. See docs/protobuf.md for the columns that there will be.
 * @throws INVALID_ARGUMENT when there is no such message, or for options that are none.
 */
export function protobufRows(message: DescMessage, options?: ProtobufOptions): ProtobufFormat;
export function protobufRows(descriptorSet: Uint8Array, messageName: string, options?: ProtobufOptions): ProtobufFormat;
/** The same by the path of a .proto file, which is read with all that it imports: beside it, in `includePaths`, or built in (google/protobuf/). */
export function protobufRows(protoFile: string, messageName: string, options?: ProtobufOptions): ProtobufFormat;
export function protobufRows(
  source: DescMessage | Uint8Array | string,
  second?: string | ProtobufOptions,
  third?: ProtobufOptions,
): ProtobufFormat {
  if (!(source instanceof Uint8Array || typeof source === 'string')) {
    return new ProtobufFormat(source, second as ProtobufOptions | undefined);
  }
  if (typeof second !== 'string') {
    throw new ArrowlabError('INVALID_ARGUMENT', `expected the full name of a message, found ${typeof second}`);
  }
  const set =
    typeof source === 'string' ? descriptorSetOfFile(source, resolveOptions(third ?? {}).includePaths) : source;
  return new ProtobufFormat(messageOfSet(set, second), third);
}

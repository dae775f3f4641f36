import {
  type ArrayNode,
  arrayOfData,
  asSchema,
  BatchPlan,
  batchesOf,
  describeFields,
  describeSchema,
  differenceOf,
  type FieldLike,
  type ParsedSchema,
  type RecordBatchLike,
  type SchemaLike,
  type TableLike,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { DictionaryIdentity } from './batch-header.js';
import { flatten } from './body.js';
import { Dictionaries } from './dictionaries.js';
import {
  type HeaderInPlace,
  type HeaderTemplates,
  headerInPlace,
  type MessageContents,
  type OutgoingMessage,
  outgoingMessage,
  schemaMessage,
} from './message.js';
import { writeSchemaMessage } from './schema-message.js';

/** Columns that have every buffer which columns in place have. */
function emptyColumns({ fields }: ParsedSchema): ArrayNode[] {
  const plan = new BatchPlan(fields, 0, { dataBytes: () => 0, childRows: () => 0 });
  return plan.columnsOnHeap().map((column) => column.toArray(() => undefined));
}

const NO_METADATA: ReadonlyMap<string, string> = new Map();

/**
 * Turns tables and batches into the messages of one stream: first the schema's, then for each batch the dictionaries that are
 * new, grown (a delta) or changed (a replacement), and the batch. Sizes only: nothing is copied before `placeInto`, which
 * reads the caller's memory. Keeps references to the dictionaries that were last written.
 */
export class StreamEncoder {
  readonly schema: ParsedSchema;
  readonly schemaMessage: OutgoingMessage;
  readonly #templates: HeaderTemplates = new Map();
  readonly #dictionaries = new Dictionaries();
  #headerInPlaceByteLength: number | undefined;
  /** By column: fields that were found to fit, so that each is compared once. */
  readonly #fitting: readonly WeakSet<FieldLike>[];

  /** @throws TABLE_UNRECOGNISED when `schema` is not a Schema of apache-arrow, or has a type that is none of Arrow's. */
  constructor(schema: SchemaLike) {
    this.schema = describeSchema(asSchema(schema));
    this.schemaMessage = schemaMessage(writeSchemaMessage(this.schema));
    this.#fitting = this.schema.fields.map(() => new WeakSet());
  }

  /**
   * The messages for a batch, or for each batch of a table, in order. A dictionary counts as sent when the message after it
   * is asked for; who stops before gets it again with the next batch.
   * @throws SCHEMA_MISMATCH, TABLE_UNRECOGNISED
   */
  *encode(data: TableLike | RecordBatchLike): Iterable<OutgoingMessage> {
    for (const batch of batchesOf(data)) {
      const columns = this.#columns(batch);
      yield* this.encodeDictionaries(columns);
      yield outgoingMessage(
        this.#contents(columns, batch.data.length, null, batch.metadata ?? NO_METADATA),
        this.#templates,
      );
    }
  }

  /** The messages for a batch of these columns, one for each field of the schema; as `encode`. */
  *encodeColumns(columns: readonly ArrayNode[], rows: number): Iterable<OutgoingMessage> {
    yield* this.encodeDictionaries(columns);
    yield this.encodeBatch(columns, rows);
  }

  /** The message of a batch of these columns, whose dictionaries have to come before it. */
  encodeBatch(columns: readonly ArrayNode[], rows: number): OutgoingMessage {
    return outgoingMessage(this.#contents(columns, rows, null, NO_METADATA), this.#templates);
  }

  /** The messages that have to come before a batch of these columns, which refer to dictionaries. */
  *encodeDictionaries(columns: readonly ArrayNode[]): Iterable<OutgoingMessage> {
    for (const { array, id, isDelta } of this.#dictionaries.updates(columns))
      yield outgoingMessage(this.#contents([array], array.length, { id, isDelta }, NO_METADATA), this.#templates);
  }

  /** Of the header of every batch in place. */
  get headerInPlaceByteLength(): number {
    this.#headerInPlaceByteLength ??= this.headerInPlace(emptyColumns(this.schema), 0).bytes.byteLength;
    return this.#headerInPlaceByteLength;
  }

  /** The header of a batch whose columns' buffers lie in place. */
  headerInPlace(columns: readonly ArrayNode[], rows: number): HeaderInPlace {
    return headerInPlace(this.#contents(columns, rows, null, NO_METADATA), this.#templates);
  }

  #columns({ data }: RecordBatchLike): ArrayNode[] {
    this.#checkFields(data.type.children!);
    return this.schema.fields.map((field, index) => {
      const column = data.children[index];
      if (column?.length !== data.length) {
        const found = column ? `${column.length} rows` : 'no column';
        throw new ArrowlabError(
          'TABLE_UNRECOGNISED',
          `column ${JSON.stringify(field.path)}: expected ${data.length} rows, found ${found}`,
        );
      }
      const array = arrayOfData(field, column);
      if (!field.nullable && array.nullCount > 0 && field.type.name !== 'Null') {
        const found = `${array.nullCount} nulls`;
        throw new ArrowlabError(
          'SCHEMA_MISMATCH',
          `column ${JSON.stringify(field.path)}: expected no nulls, found ${found}; declare the field nullable in the stream's schema`,
        );
      }
      return array;
    });
  }

  #checkFields(fields: readonly FieldLike[]): void {
    const isKnown =
      fields.length === this.#fitting.length && fields.every((field, index) => this.#fitting[index]!.has(field));
    if (isKnown) return;
    const difference = differenceOf(this.schema.fields, describeFields(fields), "the stream's schema");
    if (difference) throw new ArrowlabError('SCHEMA_MISMATCH', `${difference}; write it to a stream of its own`);
    for (const [index, field] of fields.entries()) this.#fitting[index]!.add(field);
  }

  #contents(
    arrays: readonly ArrayNode[],
    rows: number,
    dictionary: DictionaryIdentity | null,
    metadata: ReadonlyMap<string, string>,
  ): MessageContents {
    return { dictionary, rows, codec: null, metadata, ...flatten(arrays) };
  }
}

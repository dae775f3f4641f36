import {
  type ArrayNode,
  arrayOfData,
  asSchema,
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
import { flatten } from './body.js';
import { Dictionaries, type DictionaryUpdate } from './dictionaries.js';
import { type HeaderTemplates, type OutgoingMessage, outgoingMessage, schemaMessage } from './message.js';
import { writeSchemaMessage } from './schema-message.js';

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
      for (const update of this.#dictionaries.updates(columns)) yield this.#dictionaryMessage(update);
      yield this.#message(columns, batch.data.length, null, batch.metadata ?? NO_METADATA);
    }
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

  #dictionaryMessage({ array, id, isDelta }: DictionaryUpdate): OutgoingMessage {
    return this.#message([array], array.length, { id, isDelta }, NO_METADATA);
  }

  #message(
    arrays: readonly ArrayNode[],
    rows: number,
    dictionary: { readonly id: bigint; readonly isDelta: boolean } | null,
    metadata: ReadonlyMap<string, string>,
  ): OutgoingMessage {
    return outgoingMessage({ dictionary, rows, codec: null, metadata, ...flatten(arrays) }, this.#templates);
  }
}

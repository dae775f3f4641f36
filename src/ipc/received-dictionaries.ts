import { type Data, type DataType, Vector } from 'apache-arrow';
import { type ArrayNode, dictionaryFields, type ParsedField, toArrowData } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { IncomingMessage } from './message.js';

interface Part {
  readonly array: ArrayNode;
  readonly message: IncomingMessage;
  /** Made when a batch first uses it. */
  data: Data | undefined;
}

interface Received {
  readonly parts: Part[];
  vector: Vector | undefined;
}

/** The dictionaries a consumer has got of one stream. Keeps their messages until they are replaced or `close` is called. */
export class ReceivedDictionaries {
  readonly #received = new Map<bigint, Received>();
  readonly #valueTypes: ReadonlyMap<number, DataType>;

  /** `valueTypes`: the type of each dictionary's values by id, which apache-arrow's Schema has. */
  constructor(valueTypes: ReadonlyMap<number, DataType>) {
    this.#valueTypes = valueTypes;
  }

  /** Takes a dictionary, or what a delta adds to it. Batches that were given out keep what they have. */
  add(id: bigint, isDelta: boolean, array: ArrayNode, message: IncomingMessage): void {
    const old = this.#received.get(id);
    if (isDelta && !old) {
      throw new ArrowlabError(
        'IPC_INVALID',
        `expected a dictionary of id ${id} before what a delta adds to it, found none`,
      );
    }
    message.keep?.();
    const part = { array, message, data: undefined };
    if (!isDelta) for (const { message } of old?.parts ?? []) message.letGo?.();
    this.#received.set(id, { parts: isDelta ? [...old!.parts, part] : [part], vector: undefined });
    this.#forgetDependents();
  }

  /** What an array's indices refer to; undefined if nothing came, which is right as long as all of them are null. */
  readonly vectorOf = ({ field, length, nullCount }: ArrayNode): Vector | undefined => {
    const { id } = field.dictionary!;
    const received = this.#received.get(id);
    if (received) {
      received.vector ??= new Vector(received.parts.map((part) => this.#dataOf(id, part)));
      return received.vector;
    }
    if (nullCount === length) return undefined;
    throw new ArrowlabError(
      'IPC_INVALID',
      `field ${JSON.stringify(field.path)}: expected dictionary ${id} before its indices, found none`,
    );
  };

  /** The messages that the dictionaries of these fields lie in. */
  messagesOf(fields: readonly ParsedField[]): IncomingMessage[] {
    const ids = new Set([...dictionaryFields(fields)].map(({ dictionary }) => dictionary!.id));
    return [...ids].flatMap((id) => this.#received.get(id)?.parts.map(({ message }) => message) ?? []);
  }

  close(): void {
    for (const { parts } of this.#received.values()) for (const { message } of parts) message.letGo?.();
    this.#received.clear();
  }

  #dataOf(id: bigint, part: Part): Data {
    part.data ??= toArrowData(part.array, this.#valueTypes.get(Number(id))!, this.vectorOf);
    return part.data;
  }

  /** Dictionaries whose values refer to other dictionaries refer to the latest ones. */
  #forgetDependents(): void {
    for (const received of this.#received.values()) {
      if (received.parts[0]!.array.field.nestedDictionaryIds.size === 0) continue;
      received.vector = undefined;
      for (const part of received.parts) part.data = undefined;
    }
  }
}

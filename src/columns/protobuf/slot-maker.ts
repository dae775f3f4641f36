import { ArrowlabError } from '../../errors.js';
import { type DictionaryEncoding, ParsedField } from '../field.js';
import type { ArrowType } from '../type.js';
import { INT32 } from './scalar.js';
import { Slot, type SlotDictionary, type Storage } from './slot.js';

/** More columns than this come of recursive types, and take memory in every batch. */
const MAX_COLUMNS = 20_000;

/** Makes the slots of one schema, with their fields, those below before those above. */
export class SlotMaker {
  readonly #made: Slot[] = [];
  #dictionaries = 0n;

  /** In the order of their ids. */
  get made(): readonly Slot[] {
    return this.#made;
  }

  root(children: readonly Slot[]): Slot {
    return this.#add('struct', undefined, children);
  }

  column(
    { name, path, nullable = false }: { name: string; path: string; nullable?: boolean },
    type: ArrowType,
    storage: Storage,
    children: Slot[],
    initial?: readonly number[] | Uint8Array,
  ): Slot {
    const parsed = children.map(({ field }) => field!);
    const field = new ParsedField(path, {
      name,
      nullable,
      type,
      children: parsed,
      dictionary: null,
      metadata: new Map(),
    });
    return this.#add(storage, field, children, initial);
  }

  dictionary(
    { name, path, nullable }: { name: string; path: string; nullable: boolean },
    dictionary: SlotDictionary,
    initial: readonly number[] | undefined,
  ): Slot {
    const encoding: DictionaryEncoding = { id: this.#dictionaries++, indexType: INT32, isOrdered: false };
    const type = { name: 'Utf8' } as const;
    const field = new ParsedField(path, {
      name,
      nullable,
      type,
      children: [],
      dictionary: encoding,
      metadata: new Map(),
    });
    return this.#add('word', field, [], initial, dictionary);
  }

  #add(
    storage: Storage,
    field: ParsedField | undefined,
    children: readonly Slot[],
    initial?: readonly number[] | Uint8Array,
    dictionary?: SlotDictionary,
  ): Slot {
    if (this.#made.length >= MAX_COLUMNS) {
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected at most ${MAX_COLUMNS} columns, found more: a recursive type needs a smaller maxDepth`,
      );
    }
    const slot = new Slot(this.#made.length, field?.name ?? '', storage, field, children, initial, dictionary);
    this.#made.push(slot);
    return slot;
  }
}

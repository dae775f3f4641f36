import { type ColumnType, columnType, nullable } from './column-type.js';
import { found } from './found.js';
import { list, map } from './nested.js';
import { binary, bool, nullType, utf8 } from './primitive.js';
import { isFloats, kindOf, kindText, type SampleKind } from './sample-kind.js';
import type { SamplePlace } from './sample-place.js';
import { SampledNumbers } from './sampled-numbers.js';
import { SampledTexts } from './sampled-texts.js';
import { date32, duration, time64, timestamp } from './temporal.js';

const ADVICE = 'make them of one kind, or define the schema, for example with a union';

export interface SampleOptions {
  /** Texts in ISO 8601 are dates and timestamps. */
  readonly isoStrings: boolean;
  /** Everything is nullable, not only what was null. */
  readonly isNullable: boolean;
}

/** All values seen at one place of the rows: of one column, of the items of one list, and so on. */
export class Samples {
  readonly #options: SampleOptions;
  readonly #fields = new Map<string, Samples>();
  readonly #numbers = new SampledNumbers();
  readonly #texts = new SampledTexts();
  #items: Samples | undefined;
  #keys: Samples | undefined;
  #kind: SampleKind | undefined;
  #firstRow = 0;
  #values = 0;
  #nulls = 0;

  constructor(options: SampleOptions) {
    this.#options = options;
  }

  /** @throws DATA_INVALID when `value` is of another kind than those before, or of none. */
  add(value: unknown, place: SamplePlace): void {
    if (value === null || value === undefined) {
      this.#nulls++;
      return;
    }
    const kind = kindOf(value);
    if (!kind) {
      throw place.error('a value that Arrow has a type for', value, 'leave it out, or convert it first');
    }
    this.#kind ??= this.#first(kind, place);
    if (kind !== this.#kind && !(isNumeric(kind) && isNumeric(this.#kind))) {
      throw place.error(`${kindText(this.#kind)} as in row ${this.#firstRow}`, value, ADVICE);
    }
    this.#values++;
    this.#look(kind, value, place);
  }

  /** The columns, when the values are rows. */
  children(): [name: string, type: ColumnType<never>][] {
    return Array.from(this.#fields, ([name, field]) => [name, field.#columnType(this.#values)]);
  }

  #first(kind: SampleKind, { row }: SamplePlace): SampleKind {
    this.#firstRow = row;
    return kind;
  }

  #look(kind: SampleKind, value: unknown, place: SamplePlace): void {
    if (kind === 'number') this.#numbers.addNumber(value as number, place);
    else if (kind === 'bigint') this.#numbers.addBigInt(value as bigint, place);
    else if (kind === 'string') this.#texts.add(value as string);
    else if (kind === 'list') this.#addItems(value as ArrayLike<unknown> & object, place);
    else if (kind === 'struct') this.#addFields(value as Record<string, unknown>, place);
    else if (kind === 'map') this.#addEntries(value as ReadonlyMap<unknown, unknown>, place);
    else if (kind === 'Date' && Number.isNaN((value as Date).getTime())) {
      throw place.error('a valid Date', value, 'use null instead');
    }
  }

  #addItems(values: ArrayLike<unknown> & object, place: SamplePlace): void {
    this.#items ??= new Samples(this.#options);
    const items = this.#items;
    place.inside(values, () => {
      for (let index = 0; index < values.length; index++) {
        place.step(index);
        items.add(values[index], place);
      }
      if (isFloats(values)) items.#numbers.addFloats(place);
    });
  }

  #addFields(value: Record<string, unknown>, place: SamplePlace): void {
    place.inside(value, () => {
      for (const name of Object.keys(value)) {
        const field = this.#fields.get(name) ?? new Samples(this.#options);
        this.#fields.set(name, field);
        place.step(name);
        field.add(value[name], place);
      }
    });
  }

  #addEntries(entries: ReadonlyMap<unknown, unknown>, place: SamplePlace): void {
    this.#keys ??= new Samples(this.#options);
    this.#items ??= new Samples(this.#options);
    const [keys, items] = [this.#keys, this.#items];
    place.inside(entries, () => {
      let index = 0;
      for (const [key, value] of entries) {
        place.step({ text: `.key(${index++})` });
        if (key === null || key === undefined) throw place.error('a key', key, 'leave the entry out');
        keys.add(key, place);
        place.step({ text: `[${found(key)}]` });
        items.add(value, place);
      }
    });
  }

  /** `rows`: how many values there would be if none were null or missing. */
  #columnType(rows: number): ColumnType<never> {
    if (!this.#kind) return nullType();
    const type = this.#valueType(this.#kind);
    return this.#options.isNullable || this.#values < rows ? nullable(type) : type;
  }

  #valueType(kind: SampleKind): ColumnType<never> {
    switch (kind) {
      case 'boolean':
        return bool();
      case 'number':
      case 'bigint':
        return this.#numbers.columnType();
      case 'string':
        return this.#options.isoStrings ? this.#texts.columnType() : utf8();
      case 'Date':
        return timestamp('ms', 'UTC');
      case 'binary':
        return binary();
      case 'list':
        return list(this.#itemType());
      case 'struct':
        return columnType({ name: 'Struct' }, this.children());
      case 'map':
        return map(this.#keyType(), this.#itemType());
      case 'Temporal.Instant':
      case 'Temporal.ZonedDateTime':
        return timestamp('ns', 'UTC');
      case 'Temporal.PlainDate':
        return date32();
      case 'Temporal.PlainTime':
        return time64('ns');
      case 'Temporal.Duration':
        return duration('ns');
    }
  }

  /** Of maps; text where all of them were empty, since keys cannot be null. */
  #keyType(): ColumnType<never> {
    const keys = this.#keys!;
    return keys.#kind ? keys.#valueType(keys.#kind) : utf8();
  }

  #itemType(): ColumnType<never> {
    const items = this.#items!;
    return items.#columnType(items.#values + items.#nulls);
  }
}

const isNumeric = (kind: SampleKind) => kind === 'number' || kind === 'bigint';

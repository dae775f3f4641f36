import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { enumNumbers } from './enum-dictionary.js';
import { initialOf } from './initial.js';
import type { ResolvedOptions } from './options.js';
import type { Content, FieldPlan, MessagePlan, OneofPlan, Plan } from './plan.js';
import { INT32, scalarForm } from './scalar.js';
import type { Slot } from './slot.js';
import { SlotMaker } from './slot-maker.js';
import { wellKnownForm } from './well-known.js';

/** What columns the fields of a message become; the table of docs/protobuf.md. @throws INVALID_ARGUMENT for far too many columns. */
export function planOf(desc: DescMessage, options: ResolvedOptions): Plan {
  return new Mapper(options).plan(desc);
}

/** Where in the schema something is. `types`: of the messages that it lies in. */
interface Place {
  readonly name: string;
  readonly path: string;
  readonly nullable: boolean;
  readonly depth: number;
  readonly types: readonly string[];
}

/** What may be single, repeated or the value of a map. */
interface Value {
  readonly kind: 'scalar' | 'enum' | 'message';
  /** Of a closed enum: unknown numbers are left out. */
  readonly isFiltered: boolean;
  readonly initial: readonly number[] | Uint8Array | undefined;
}

interface Members {
  readonly children: Slot[];
  readonly fields: FieldPlan[];
}

class Mapper {
  readonly #options: ResolvedOptions;
  readonly #slots = new SlotMaker();
  readonly #fields: FieldPlan[] = [];
  readonly #messages: MessagePlan[] = [];
  readonly #oneofs: OneofPlan[] = [];

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  plan(desc: DescMessage): Plan {
    const place = { name: '', path: '', nullable: false, depth: 1, types: [desc.typeName] };
    const { children, fields } = this.#members(desc, place);
    const slot = this.#slots.root(children);
    const root = this.#message(slot, fields, 1, undefined);
    return { root, slots: this.#slots.made, fields: this.#fields, messages: this.#messages, oneofs: this.#oneofs };
  }

  #members(desc: DescMessage, place: Place): Members {
    const children: Slot[] = [];
    const fields: FieldPlan[] = [];
    const oneofs = new Map<DescOneof, OneofPlan>();
    for (const field of desc.fields) {
      let oneof = field.oneof && oneofs.get(field.oneof);
      if (field.oneof && !oneof) {
        oneof = this.#oneof(field.oneof, place);
        oneofs.set(field.oneof, oneof);
        if (oneof.caseSlot) children.push(oneof.caseSlot);
      }
      const plan = this.#field(field, place, oneof);
      oneof?.members.push(plan.slot);
      children.push(plan.slot);
      fields.push(plan);
    }
    return { children, fields };
  }

  #oneof({ name, fields }: DescOneof, { path }: Place): OneofPlan {
    const names = fields.map((field) => field.name);
    const caseSlot = this.#options.oneofCase
      ? this.#slots.dictionary({ name, path: below(path, name), nullable: true }, { kind: 'names', names }, undefined)
      : undefined;
    const plan = { index: this.#oneofs.length, members: [], caseSlot };
    this.#oneofs.push(plan);
    return plan;
  }

  #field(field: DescField, outer: Place, oneof: OneofPlan | undefined): FieldPlan {
    const { name } = field;
    const { depth, types } = outer;
    const place = { name, path: below(outer.path, name), depth, types };
    const delimited = 'delimitedEncoding' in field && field.delimitedEncoding === true;
    const isMessage = (field.fieldKind === 'list' ? field.listKind : field.fieldKind) === 'message';
    const group = delimited && isMessage ? field.number : undefined;
    const common = { number: field.number, isGroup: group !== undefined };
    switch (field.fieldKind) {
      case 'list': {
        const inner = { ...place, name: 'item', path: `${place.path}.item`, nullable: false };
        const { slot: item, content } = this.#value(field, inner, bare(field.listKind), group);
        const slot = this.#slots.column(place, { name: 'List' }, 'list', [item]);
        return this.#add({
          ...common,
          repetition: 'list',
          slot,
          item,
          content,
          marksPresence: false,
          oneof: undefined,
        });
      }
      case 'map': {
        const { slot, item, content } = this.#map(field, place);
        return this.#add({ ...common, repetition: 'map', slot, item, content, marksPresence: false, oneof: undefined });
      }
      default: {
        const isExplicit = field.oneof !== undefined || field.presence === FeatureSet_FieldPresence.EXPLICIT;
        const nullable = isExplicit || field.fieldKind === 'message';
        const initial = isExplicit || field.fieldKind === 'message' ? undefined : initialOf(field);
        const value = { kind: field.fieldKind, isFiltered: true, initial };
        const { slot, content } = this.#value(field, { ...place, nullable }, value, group);
        const membership = oneof && { plan: oneof, member: oneof.members.length };
        return this.#add({
          ...common,
          repetition: 'single',
          slot,
          item: slot,
          content,
          marksPresence: nullable,
          oneof: membership,
        });
      }
    }
  }

  #map(field: DescField & { fieldKind: 'map' }, place: Omit<Place, 'nullable'>) {
    const inner = (name: string) => ({ ...place, name, path: `${place.path}.entries.${name}`, nullable: false });
    const { type, content: keyContent, storage } = scalarForm(field.mapKey, field.utf8Validation);
    const key = this.#slots.column(inner('key'), type, storage, []);
    const valueInitial = field.mapKind === 'enum' ? initialOfEnum(field.enum) : undefined;
    const value = this.#value(field, inner('value'), { ...bare(field.mapKind), initial: valueInitial }, undefined);
    const entryPlace = { name: 'entries', path: `${place.path}.entries`, nullable: false };
    const item = this.#slots.column(entryPlace, { name: 'Struct' }, 'struct', [key, value.slot]);
    const slot = this.#slots.column(place, { name: 'Map', keysSorted: false }, 'list', [item]);
    const member = (number: number, at: Slot, content: Content) =>
      this.#add({
        number,
        repetition: 'single',
        slot: at,
        item: at,
        content,
        marksPresence: false,
        isGroup: false,
        oneof: undefined,
      });
    const fields = [member(1, key, keyContent), member(2, value.slot, value.content)];
    const message = this.#message(item, fields, place.depth, undefined);
    return { slot, item, content: { kind: 'message', message } as const };
  }

  /** The column of one value, and how it is read. */
  #value(
    field: DescField,
    place: Place,
    value: Value,
    group: number | undefined,
  ): {
    slot: Slot;
    content: Content;
  } {
    const { initial } = value;
    switch (value.kind) {
      case 'scalar': {
        const { type, storage, content } = scalarForm(field.scalar!, field.utf8Validation);
        return { slot: this.#slots.column(place, type, storage, [], initial), content };
      }
      case 'enum': {
        const desc = field.enum!;
        const isDictionary = this.#options.enums === 'dictionary';
        const known = value.isFiltered && !desc.open ? new Set(desc.values.map(({ number }) => number)) : undefined;
        const slot = isDictionary
          ? this.#slots.dictionary(
              place,
              { kind: 'enum', of: desc },
              initial && [enumNumbers(desc).indexOf(initial[0] as number)],
            )
          : this.#slots.column(place, INT32, 'word', [], initial);
        return { slot, content: { kind: 'enum', known, isDictionary } };
      }
      case 'message':
        return this.#messageValue(field.message!, place, group);
    }
  }

  #messageValue(desc: DescMessage, place: Place, group: number | undefined): { slot: Slot; content: Content } {
    const depth = place.depth + 1;
    const form = wellKnownForm(desc, this.#options.timestampUnit, depth);
    if (form?.kind === 'special') {
      const initial = place.nullable ? undefined : form.initial;
      return { slot: this.#slots.column(place, form.type, form.storage, [], initial), content: form.content };
    }
    if (form?.kind === 'wrapper') {
      const inner = desc.fields[0]!;
      const { type, storage, content } = scalarForm(inner.scalar!, inner.utf8Validation);
      const slot = this.#slots.column(place, type, storage, []);
      const member = this.#add({
        number: inner.number,
        repetition: 'single',
        slot,
        item: slot,
        content,
        marksPresence: false,
        isGroup: false,
        oneof: undefined,
      });
      return { slot, content: { kind: 'message', message: this.#message(slot, [member], depth, group) } };
    }
    if (form?.kind === 'empty') {
      const slot = this.#slots.column(place, { name: 'Bool' }, 'bit', [], place.nullable ? undefined : [1]);
      return { slot, content: { kind: 'message', message: this.#message(slot, [], depth, group) } };
    }
    const { maxDepth } = this.#options;
    if (place.types.filter((type) => type === desc.typeName).length >= maxDepth) {
      const slot = this.#slots.column(place, { name: 'Binary' }, 'bytes', []);
      return { slot, content: { kind: 'raw', unitsPerSecond: 0, depth } };
    }
    const { children, fields } = this.#members(desc, { ...place, depth, types: [...place.types, desc.typeName] });
    const slot = this.#slots.column(place, { name: 'Struct' }, 'struct', children);
    return { slot, content: { kind: 'message', message: this.#message(slot, fields, depth, group) } };
  }

  #add(plan: Omit<FieldPlan, 'index'>): FieldPlan {
    const field = { index: this.#fields.length, ...plan };
    this.#fields.push(field);
    return field;
  }

  #message(slot: Slot, fields: FieldPlan[], depth: number, group: number | undefined): MessagePlan {
    const message = { index: this.#messages.length, slot, fields, depth, group };
    this.#messages.push(message);
    return message;
  }
}

const below = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);

/** Of values in lists and maps, where @bufbuild/protobuf keeps unknown numbers of closed enums too. */
const bare = (kind: Value['kind']): Value => ({ kind, isFiltered: false, initial: undefined });

function initialOfEnum({ values }: DescEnum): readonly number[] | undefined {
  const { number } = values[0]!;
  return number === 0 ? undefined : [number];
}

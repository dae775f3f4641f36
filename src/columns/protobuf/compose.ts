import type { Cell } from './cell.js';
import { type Read, scalarReader } from './compose-scalar.js';
import { type Decoder, type DecoderContext, setMember } from './decoder.js';
import { dropRepeatedKeys } from './map-keys.js';
import { type FieldPlan, hasFrame, isScalar, type MessagePlan } from './plan.js';
import type { Slot } from './slot.js';
import { FULL } from './text.js';
import {
  AT,
  END_GROUP,
  endGroup,
  LENGTH_DELIMITED,
  lengthEnd,
  POSITION,
  RECURSION_LIMIT,
  skip,
  state,
  tag,
  tooDeep,
  truncated,
  UNKNOWN,
  varint32,
} from './wire.js';

/** The same of one whose tag was `tagValue`. */
type ReadField = (bytes: Uint8Array, start: number, row: number, tagValue: number) => number;
/** Reads the fields of a message up to `end`, or to the end of the group that it is. */
type ReadMessage = (bytes: Uint8Array, start: number, end: number, row: number) => number;

/** A decoder of functions that call one another, for processes in which no code may be generated. */
export function composeDecoder(context: DecoderContext): Decoder {
  return new Composer(context).decoder();
}

class Composer {
  readonly #context: DecoderContext;

  constructor(context: DecoderContext) {
    this.#context = context;
  }

  decoder(): Decoder {
    const { root } = this.#context.plan;
    const cell = this.#cell(root.slot);
    const read = this.#message(root);
    const finish = this.#finish(root.slot);
    return {
      bind() {},
      decode(bytes, row) {
        cell.begin(row);
        read(bytes, 0, bytes.length, row);
        finish(row);
      },
    };
  }

  #cell(slot: Slot): Cell {
    return this.#context.cells[slot.id]!;
  }

  #message({ index, fields, depth, group }: MessagePlan): ReadMessage {
    if (depth > RECURSION_LIMIT) return (_, start) => tooDeep(start);
    const readers = new Map<number, ReadField>(fields.map((field) => [field.number, this.#field(field)]));
    return (bytes, start, end, row) => {
      let position = start;
      while (group !== undefined || position < end) {
        state[AT] = -1 - index;
        const tagStart = position;
        if (position >= bytes.length) truncated(bytes, position);
        const tagValue = tag(bytes, position);
        position = state[POSITION]!;
        if (group !== undefined && (tagValue & 7) === END_GROUP) {
          endGroup(tagStart, tagValue, group);
          return position;
        }
        const read = readers.get(tagValue >>> 3);
        if (read) {
          position = read(bytes, position, row, tagValue);
        } else {
          state[UNKNOWN]!++;
          position = skip(bytes, position, tagValue, RECURSION_LIMIT - depth);
        }
      }
      return position;
    };
  }

  #field(field: FieldPlan): ReadField {
    const read = field.repetition === 'single' ? this.#single(field) : this.#repeated(field);
    const { index } = field;
    return (bytes, start, row, tagValue) => {
      state[AT] = index;
      return read(bytes, start, row, tagValue);
    };
  }

  #single(field: FieldPlan): ReadField {
    const { content, marksPresence, oneof } = field;
    const cell = this.#cell(field.slot);
    const context = this.#context;
    const read = this.#value(field);
    const mark = (row: number) => {
      if (oneof) setMember(context, oneof.plan.index, row, oneof.member);
      if (marksPresence) cell.setValid(row);
    };
    if (content.kind === 'enum' && content.known) {
      const { known } = content;
      return (bytes, start, row) => {
        if (known.has(varint32(bytes, start) | 0)) {
          mark(row);
          return read(bytes, start, row);
        }
        state[UNKNOWN]!++;
        return state[POSITION]!;
      };
    }
    return (bytes, start, row) => {
      mark(row);
      return read(bytes, start, row);
    };
  }

  #repeated(field: FieldPlan): ReadField {
    const list = this.#cell(field.slot);
    const item = this.#cell(field.item);
    const read = this.#value(field);
    if (hasFrame(field)) {
      const finish = this.#finish(field.item);
      return (bytes, start, row) => {
        const child = list.offsets[row + 1]!;
        if (child >= item.capacity) throw FULL;
        list.offsets[row + 1] = child + 1;
        item.begin(child);
        const position = read(bytes, start, child);
        finish(child);
        return position;
      };
    }
    const append = (bytes: Uint8Array, start: number, row: number) => {
      const child = list.offsets[row + 1]!;
      if (child >= item.capacity) throw FULL;
      const position = read(bytes, start, child);
      list.offsets[row + 1] = child + 1;
      return position;
    };
    if (field.content.kind === 'string' || field.content.kind === 'bytes') return append;
    return (bytes, start, row, tagValue) => {
      if ((tagValue & 7) !== LENGTH_DELIMITED) return append(bytes, start, row);
      const end = lengthEnd(bytes, start);
      let position = state[POSITION]!;
      while (position < end) position = append(bytes, position, row);
      return position;
    };
  }

  /** Of a value, the reading alone. */
  #value({ content, item, isGroup, number }: FieldPlan): Read {
    const cell = this.#cell(item);
    if (isScalar(content)) return scalarReader(content, cell, this.#context.dictionaries.get(cell.slot.id));
    if (content.kind === 'message') {
      const { message } = content;
      const read = this.#message(message);
      const begin =
        message.fields.length === 0 && message.slot.storage === 'bit'
          ? (row: number) => cell.setBit(row, true)
          : undefined;
      if (isGroup) {
        return (bytes, start, row) => {
          begin?.(row);
          return read(bytes, start, 0, row);
        };
      }
      return (bytes, start, row) => {
        const end = lengthEnd(bytes, start);
        begin?.(row);
        return read(bytes, state[POSITION]!, end, row);
      };
    }
    if (content.depth > RECURSION_LIMIT) return (_, start) => tooDeep(start);
    const special = cell.special!;
    if (isGroup) return (bytes, start, row) => special.readGroup(bytes, start, number, row);
    return (bytes, start, row) => {
      const end = lengthEnd(bytes, start);
      return special.read(bytes, state[POSITION]!, end, row);
    };
  }

  /** What is done with the rows of a frame when all of it has been read. */
  #finish(frame: Slot): (row: number) => void {
    const maps = [...frame.frame()].filter(({ isMap }) => isMap).map((slot) => this.#cell(slot));
    return (row) => {
      for (const map of maps) if (map.countOf(row) > 1) dropRepeatedKeys(map, row);
    };
  }
}

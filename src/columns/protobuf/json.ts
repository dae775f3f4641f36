import type { Cell } from './cell.js';
import type { SpecialContent } from './plan.js';
import type { SpecialReader } from './special.js';
import { textOf, writeBytes } from './text.js';
import {
  END_GROUP,
  endGroup,
  HIGH,
  LOW,
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
  varint64,
} from './wire.js';

/** google.protobuf.Value, ListValue and Struct as the wire has them, so that what comes in parts can be merged. */
type Value = { kind: undefined | null | number | string | boolean | ListValue | Struct };
type ListValue = Value[];
type Struct = Map<string, Value>;

const ENCODER = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Reads one field of a message. */
type FieldReader = (number: number, tagValue: number) => void;

/** google.protobuf.Struct, Value and ListValue to JSON text. Numbers that JSON does not have are the strings "NaN", "Infinity" and "-Infinity". */
export class JsonReader implements SpecialReader {
  readonly #cell: Cell;
  readonly #content: SpecialContent;
  #value: Value = { kind: undefined };
  #bytes: Uint8Array = NO_BYTES;
  #position = 0;

  constructor(content: SpecialContent, cell: Cell) {
    this.#content = content;
    this.#cell = cell;
  }

  begin(): void {
    const { kind } = this.#content;
    // After an error too, nothing refers to the message any more.
    this.#bytes = NO_BYTES;
    this.#value = { kind: kind === 'struct' ? new Map() : kind === 'listValue' ? [] : undefined };
  }

  read(bytes: Uint8Array, start: number, end: number, row: number): number {
    return this.#read(bytes, start, row, end, undefined);
  }

  readGroup(bytes: Uint8Array, start: number, group: number, row: number): number {
    return this.#read(bytes, start, row, bytes.length, group);
  }

  #read(bytes: Uint8Array, start: number, row: number, end: number, group: number | undefined): number {
    const { depth } = this.#content;
    const { kind } = this.#value;
    this.#bytes = bytes;
    this.#position = start;
    if (this.#content.kind === 'value') this.#readValue(this.#value, end, depth, group);
    else if (Array.isArray(kind)) this.#readList(kind, end, depth, group);
    else this.#readStruct(kind as Struct, end, depth, group);
    this.#bytes = NO_BYTES;
    const text = ENCODER.encode(jsonOf(this.#value));
    writeBytes(text, 0, text.length, this.#cell.offsets, this.#cell.data, row);
    return this.#position;
  }

  #readStruct(struct: Struct, end: number, depth: number, group?: number): void {
    this.#fields(end, depth, group, (number, tagValue) => {
      if (number !== 1) return this.#skip(tagValue, depth);
      let key = '';
      const value: Value = { kind: undefined };
      this.#fields(this.#end(), depth - 1, undefined, (part, partTag) => {
        if (part === 1) key = this.#text();
        else if (part === 2) this.#readValue(value, this.#end(), depth + 1);
        else this.#skip(partTag, depth);
      });
      struct.set(key, value);
    });
  }

  #readList(list: ListValue, end: number, depth: number, group?: number): void {
    this.#fields(end, depth, group, (number, tagValue) => {
      if (number !== 1) return this.#skip(tagValue, depth);
      const value: Value = { kind: undefined };
      this.#readValue(value, this.#end(), depth + 1);
      list.push(value);
    });
  }

  #readValue(value: Value, end: number, depth: number, group?: number): void {
    this.#fields(end, depth, group, (number, tagValue) => {
      switch (number) {
        case 1:
          varint32(this.#bytes, this.#position);
          this.#position = state[POSITION]!;
          value.kind = null;
          break;
        case 2:
          value.kind = this.#double();
          break;
        case 3:
          value.kind = this.#text();
          break;
        case 4:
          varint64(this.#bytes, this.#position);
          this.#position = state[POSITION]!;
          value.kind = state[LOW] !== 0 || state[HIGH] !== 0;
          break;
        case 5: {
          const struct: Struct = value.kind instanceof Map ? value.kind : new Map();
          this.#readStruct(struct, this.#end(), depth + 1);
          value.kind = struct;
          break;
        }
        case 6: {
          const list: ListValue = Array.isArray(value.kind) ? value.kind : [];
          this.#readList(list, this.#end(), depth + 1);
          value.kind = list;
          break;
        }
        default:
          this.#skip(tagValue, depth);
      }
    });
  }

  /** Reads the fields up to `end`, or to the end of the group. */
  #fields(end: number, depth: number, group: number | undefined, read: FieldReader): void {
    if (depth > RECURSION_LIMIT) tooDeep(this.#position);
    while (group !== undefined || this.#position < end) {
      const start = this.#position;
      if (start >= this.#bytes.length) truncated(this.#bytes, start);
      const tagValue = tag(this.#bytes, start);
      this.#position = state[POSITION]!;
      if (group !== undefined && (tagValue & 7) === END_GROUP) {
        endGroup(start, tagValue, group);
        return;
      }
      read(tagValue >>> 3, tagValue);
    }
  }

  #skip(tagValue: number, depth: number): void {
    state[UNKNOWN]!++;
    this.#position = skip(this.#bytes, this.#position, tagValue, RECURSION_LIMIT - depth);
  }

  /** Where what has a length in front of it ends. */
  #end(): number {
    const end = lengthEnd(this.#bytes, this.#position);
    this.#position = state[POSITION]!;
    return end;
  }

  #text(): string {
    const end = this.#end();
    const text = textOf(this.#bytes, this.#position, end, true);
    this.#position = end;
    return text;
  }

  #double(): number {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    const start = this.#position;
    if (start + 8 > byteLength) truncated(this.#bytes, start, 8);
    this.#position += 8;
    return new DataView(buffer, byteOffset, byteLength).getFloat64(start, true);
  }
}

function jsonOf({ kind }: Value): string {
  if (kind === undefined) return 'null';
  if (kind instanceof Map) {
    return `{${[...kind].map(([key, value]) => `${JSON.stringify(key)}:${jsonOf(value)}`).join(',')}}`;
  }
  if (Array.isArray(kind)) return `[${kind.map(jsonOf).join(',')}]`;
  if (typeof kind === 'number' && !Number.isFinite(kind)) return JSON.stringify(String(kind));
  return JSON.stringify(kind);
}

import { type Decoder, type DecoderContext, setMember } from './decoder.js';
import { readLength, readScalar, readVarint, writeEnum } from './generate-scalar.js';
import { dropRepeatedKeys } from './map-keys.js';
import { type FieldPlan, hasFrame, isScalar, type MessagePlan, type Plan, type ScalarContent } from './plan.js';
import type { Slot } from './slot.js';
import { FULL, writeBytes, writeText } from './text.js';
import {
  AT,
  END_GROUP,
  endGroup,
  illegalTag,
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
  varint64,
} from './wire.js';

/** What generated code calls. */
const FUNCTIONS = {
  state,
  FULL,
  varint32,
  varint64,
  tag,
  skip,
  lengthEnd,
  truncated,
  illegalTag,
  endGroup,
  tooDeep,
  writeBytes,
  writeText,
  dropRepeatedKeys,
};

/**
 * A decoder of functions generated for this very plan, one for each message, that write straight into typed arrays. The code consists of
 * numbers and of words of this file: no name of a descriptor is in it.
 * @throws EvalError where code may not be generated.
 */
export function generateDecoder(context: DecoderContext): Decoder {
  const { cells, dictionaries, plan } = context;
  const known = plan.fields.map(({ content }) => (content.kind === 'enum' ? content.known : undefined));
  const choose = (oneof: number, row: number, member: number) => setMember(context, oneof, row, member);
  const make = new Function('functions', 'cells', 'dictionaries', 'known', 'choose', new Generator(plan).code());
  return make(FUNCTIONS, cells, dictionaries, known, choose) as Decoder;
}

/** Names in the code are a letter and the number of a slot: `w` words, `b` bits, `o` offsets, `d` data, `v` validity, `k` capacity, `c` cell. */
class Generator {
  readonly #plan: Plan;
  readonly #lines: string[] = [];
  readonly #frames: Slot[] = [];
  /** Slots whose values have readers that remember parts of them. */
  readonly #readers: ReadonlySet<number>;

  constructor(plan: Plan) {
    this.#plan = plan;
    const special = plan.fields.filter(({ content }) => !isScalar(content) && content.kind !== 'message');
    this.#readers = new Set(special.map(({ item }) => item.id));
  }

  code(): string {
    const { slots, messages, root } = this.#plan;
    this.#emit(`'use strict'; const { ${Object.keys(FUNCTIONS).join(', ')} } = functions;`);
    for (const { id } of slots)
      this.#emit(`let w${id}, b${id}, o${id}, d${id}, v${id}, k${id}; const c${id} = cells[${id}];`);
    for (const { id, dictionary } of slots) if (dictionary) this.#emit(`const e${id} = dictionaries.get(${id});`);
    for (const message of messages) this.#message(message);
    this.#frame(root.slot);
    for (const frame of new Set(this.#frames)) this.#frame(frame);
    this.#emit('return { bind() {');
    for (const { id } of slots) {
      this.#emit(`w${id} = c${id}.words; b${id} = c${id}.bits; o${id} = c${id}.offsets; d${id} = c${id}.data;`);
      this.#emit(`v${id} = c${id}.validity; k${id} = c${id}.capacity;`);
    }
    const { id } = root.slot;
    this.#emit(
      `}, decode(bytes, row) { begin${id}(row); message${root.index}(bytes, 0, bytes.length, row, true); finish${id}(row); } };`,
    );
    return this.#lines.join('\n');
  }

  #emit(...lines: string[]): void {
    this.#lines.push(...lines);
  }

  /** Functions that begin and finish the row of a slot and of all that has the same rows. */
  #frame(frame: Slot): void {
    const slots = [...frame.frame()];
    const has = (slot: Slot, storage: Slot['storage']) => slot.storage === storage;
    this.#emit(`function begin${frame.id}(row) {`);
    if (slots.some((slot) => slot.isNullable || has(slot, 'bit'))) {
      this.#emit('const byte = row >> 3; const mask = 1 << (row & 7); const rest = ~mask;');
    }
    for (const slot of slots) {
      const { id, initial, isNullable } = slot;
      const [first = 0, second = 0] = initial instanceof Uint8Array ? [] : (initial ?? []);
      if (isNullable) this.#emit(`v${id}[byte] &= rest;`);
      if (has(slot, 'word')) this.#emit(`w${id}[row] = ${first};`);
      if (has(slot, 'words')) this.#emit(`w${id}[2 * row] = ${first}; w${id}[2 * row + 1] = ${second};`);
      if (has(slot, 'bit')) this.#emit(initial ? `b${id}[byte] |= mask;` : `b${id}[byte] &= rest;`);
      if (has(slot, 'bytes') || has(slot, 'list')) this.#emit(`o${id}[row + 1] = o${id}[row];`);
      if (this.#readers.has(id)) this.#emit(`c${id}.special.begin();`);
    }
    if (slots.some(({ initial }) => initial instanceof Uint8Array)) this.#emit(`c${frame.id}.writeDefaults(row);`);
    this.#emit(`} function finish${frame.id}(row) {`);
    for (const { id, isMap } of slots) {
      if (isMap) this.#emit(`if (o${id}[row + 1] - o${id}[row] > 1) dropRepeatedKeys(c${id}, row);`);
    }
    this.#emit('}');
  }

  /** `fresh`: the row has just begun, so that no member of a oneof is set. */
  #message({ index, fields, depth, group, slot }: MessagePlan): void {
    this.#emit(`function message${index}(bytes, p, end, row, fresh) {`);
    if (depth > RECURSION_LIMIT) this.#emit('tooDeep(p);');
    this.#emit('const limit = bytes.length; const byte = row >> 3; const mask = 1 << (row & 7); let n = 0;');
    for (const oneof of oneofsOf(fields)) this.#emit(`let m${oneof} = fresh ? -1 : -2;`);
    if (fields.length === 0 && slot.storage === 'bit') this.#emit(`b${slot.id}[byte] |= mask;`);
    this.#emit(
      group === undefined
        ? 'while (p < end) {'
        : `for (;;) { if (p >= limit) { state[${AT}] = ${-1 - index}; truncated(bytes, p); }`,
    );
    this.#emit('const start = p; let t = bytes[p++];');
    this.#emit(`if (t > 127) { state[${AT}] = ${-1 - index}; t = tag(bytes, start); p = state[${POSITION}]; }`);
    this.#emit(`else if (t < 8 || (t & 7) > 5) { state[${AT}] = ${-1 - index}; illegalTag(start, t); }`);
    if (group !== undefined) {
      this.#emit(
        `if ((t & 7) === ${END_GROUP}) { state[${AT}] = ${-1 - index}; endGroup(start, t, ${group}); return p; }`,
      );
    }
    this.#emit('switch (t >>> 3) {');
    for (const field of fields) {
      this.#emit(`case ${field.number}: { state[${AT}] = ${field.index};`);
      if (field.repetition === 'single') this.#single(field);
      else this.#repeated(field);
      this.#emit('break; }');
    }
    this.#emit(
      `default: state[${AT}] = ${-1 - index}; state[${UNKNOWN}]++; p = skip(bytes, p, t, ${RECURSION_LIMIT - depth});`,
    );
    this.#emit('} } return p; }');
  }

  #single(field: FieldPlan): void {
    const { content, item, index } = field;
    if (content.kind === 'enum' && content.known) {
      this.#emit(readVarint());
      this.#emit(`if (!known[${index}].has(n | 0)) { state[${UNKNOWN}]++; break; }`);
      this.#mark(field);
      this.#emit(writeEnum(item, content.isDictionary, 'row'));
    } else if (isScalar(content)) {
      this.#mark(field);
      this.#emit(...readScalar(content, item, 'row'));
    } else {
      const fresh = field.marksPresence ? `(v${item.id}[byte] & mask) === 0` : 'false';
      this.#emit(`const isNew = ${fresh};`);
      this.#mark(field);
      this.#composite(field, 'row', 'isNew');
    }
  }

  #mark({ slot, marksPresence, oneof }: FieldPlan): void {
    if (oneof) {
      const { plan, member } = oneof;
      const name = `m${plan.index}`;
      const first = plan.caseSlot ? `w${plan.caseSlot.id}[row] = ${member}; v${plan.caseSlot.id}[byte] |= mask;` : '';
      this.#emit(`if (${name} !== ${member}) {`);
      this.#emit(`if (${name} !== -1) choose(${plan.index}, row, ${member}); else { ${first} }`);
      this.#emit(`${name} = ${member}; }`);
    }
    if (marksPresence) this.#emit(`v${slot.id}[byte] |= mask;`);
  }

  #repeated(field: FieldPlan): void {
    const { slot, item, content } = field;
    const list = `o${slot.id}`;
    this.#emit(`let child = ${list}[row + 1];`);
    if (hasFrame(field)) {
      this.#frames.push(item);
      this.#emit(`if (child >= k${item.id}) throw FULL; ${list}[row + 1] = child + 1; begin${item.id}(child);`);
      this.#composite(field, 'child', 'true');
      this.#emit(`finish${item.id}(child);`);
      return;
    }
    const scalar = content as ScalarContent;
    const isPackable = scalar.kind !== 'string' && scalar.kind !== 'bytes';
    if (isPackable) {
      this.#emit(`if ((t & 7) === ${LENGTH_DELIMITED}) { const last = lengthEnd(bytes, p); p = state[${POSITION}];`);
      this.#emit(`while (p < last) { if (child >= k${item.id}) throw FULL;`);
      this.#emit(...readScalar(scalar, item, 'child'));
      this.#emit(`${list}[row + 1] = ++child; } } else {`);
    }
    this.#emit(`if (child >= k${item.id}) throw FULL;`);
    this.#emit(...readScalar(scalar, item, 'child'));
    this.#emit(`${list}[row + 1] = child + 1;${isPackable ? ' }' : ''}`);
  }

  /** A message: behind its length, or as a group. */
  #composite({ content, item, isGroup, number }: FieldPlan, row: string, fresh: string): void {
    if (!isGroup) this.#emit(readLength());
    if (content.kind === 'message') {
      this.#emit(`p = message${content.message.index}(bytes, p, ${isGroup ? 0 : 'p + n'}, ${row}, ${fresh});`);
      return;
    }
    if ((content as { depth: number }).depth > RECURSION_LIMIT) this.#emit('tooDeep(p);');
    if (isGroup) this.#emit(`p = c${item.id}.special.readGroup(bytes, p, ${number}, ${row});`);
    else this.#emit(`p = c${item.id}.special.read(bytes, p, p + n, ${row});`);
  }
}

/** The oneofs that fields are members of. */
function oneofsOf(fields: readonly FieldPlan[]): Set<number> {
  return new Set(fields.flatMap(({ oneof }) => (oneof ? [oneof.plan.index] : [])));
}

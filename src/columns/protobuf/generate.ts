import { type Decoder, type DecoderContext, setMember } from './decoder.js';
import { frameCode } from './generate-frame.js';
import { readLength, readScalar, readVarint, writeEnum } from './generate-scalar.js';
import { chunked } from './generate-size.js';
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

/** Fields that one function reads. */
const FIELDS = 48;
/** What the code of a message has at hand. */
const LOCALS = 'const limit = bytes.length; const byte = row >> 3; const mask = 1 << (row & 7); let n = 0;';

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
    this.#emit(...frameCode(root.slot, this.#readers));
    for (const frame of new Set(this.#frames)) this.#emit(...frameCode(frame, this.#readers));
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

  /** `fresh`: the row has just begun, so that no member of a oneof is set. */
  #message({ index, fields, depth, group, slot }: MessagePlan): void {
    const parts = chunked(fields, FIELDS);
    const isSplit = parts.length > 1;
    if (isSplit) for (const [part, fieldsOfPart] of parts.entries()) this.#part(`part${index}_${part}`, fieldsOfPart);
    const at = `state[${AT}] = ${-1 - index};`;
    this.#emit(`function message${index}(bytes, p, end, row, fresh) {`);
    if (depth > RECURSION_LIMIT) this.#emit('tooDeep(p);');
    this.#emit(LOCALS);
    if (!isSplit) for (const oneof of oneofsOf(fields)) this.#emit(`let m${oneof} = fresh ? -1 : -2;`);
    if (fields.length === 0 && slot.storage === 'bit') this.#emit(`b${slot.id}[byte] |= mask;`);
    this.#emit(group === undefined ? 'while (p < end) {' : `for (;;) { if (p >= limit) { ${at} truncated(bytes, p); }`);
    this.#emit('const start = p; let t = bytes[p++];');
    this.#emit(`if (t > 127) { ${at} t = tag(bytes, start); p = state[${POSITION}]; }`);
    this.#emit(`else if (t < 8 || (t & 7) > 5) { ${at} illegalTag(start, t); }`);
    if (group !== undefined) {
      this.#emit(`if ((t & 7) === ${END_GROUP}) { ${at} endGroup(start, t, ${group}); return p; }`);
    }
    this.#emit('switch (t >>> 3) {');
    if (isSplit) {
      for (const [part, fieldsOfPart] of parts.entries()) {
        for (const { number } of fieldsOfPart) this.#emit(`case ${number}:`);
        this.#emit(`p = part${index}_${part}(bytes, p, row, t); break;`);
      }
    } else {
      this.#cases(fields);
    }
    this.#emit(`default: ${at} state[${UNKNOWN}]++; p = skip(bytes, p, t, ${RECURSION_LIMIT - depth});`);
    this.#emit('} } return p; }');
  }

  /** A function that reads one of some fields of a message. It knows of no oneof which member is set. */
  #part(name: string, fields: readonly FieldPlan[]): void {
    this.#emit(`function ${name}(bytes, p, row, t) {`, LOCALS);
    for (const oneof of oneofsOf(fields)) this.#emit(`let m${oneof} = -2;`);
    this.#emit('switch (t >>> 3) {');
    this.#cases(fields);
    this.#emit('} return p; }');
  }

  #cases(fields: readonly FieldPlan[]): void {
    for (const field of fields) {
      this.#emit(`case ${field.number}: { state[${AT}] = ${field.index};`);
      if (field.repetition === 'single') this.#single(field);
      else this.#repeated(field);
      this.#emit('break; }');
    }
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

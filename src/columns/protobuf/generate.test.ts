import { execFileSync } from 'node:child_process';
import { create, type DescField, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema as SET } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { ProtobufFormat, protobufRows } from './format.js';
import { bindRows } from './testing/batches.js';
import { descriptorOf } from './testing/descriptor.js';
import { type PlainOptions, plainOfMessage } from './testing/plain.js';
import { Random } from './testing/random.js';
import { randomWire } from './testing/random-wire.js';

const OPTIONS: PlainOptions = { enums: 'dictionary', oneofCase: true, timestampUnit: 'ns' };

const HOSTILE = [
  '"); globalThis.caught = true; ("',
  "'); globalThis.caught = true; ('",
  ['`$', '{globalThis.caught = true}`'].join(''),
  '*/ globalThis.caught = true; /*',
  '\nglobalThis.caught = true;\n//',
  '\u2028globalThis.caught = true\u2029',
  '};globalThis.caught = true;{',
  '\\"); globalThis.caught = true; //',
  '__proto__',
  'constructor',
];

/** Descriptors that no compiler makes, but that anybody can make by hand: every name in them is hostile. */
function renamed(desc: DescMessage): DescMessage {
  let next = 0;
  const name = () => `${HOSTILE[next % HOSTILE.length]}${next++ < HOSTILE.length ? '' : next}`;
  const messages = new Map<DescMessage, DescMessage>();
  const messageOf = (message: DescMessage): DescMessage => {
    const known = messages.get(message);
    if (known) return known;
    const copy = { ...message, typeName: `${message.typeName}${name()}` };
    messages.set(message, copy);
    const oneofs = new Map(message.oneofs.map((oneof) => [oneof, { ...oneof, name: name() }]));
    const fields = message.fields.map((field) => {
      const { oneof, enum: enumeration } = field as DescField & { fieldKind: 'enum' };
      const values = enumeration?.values.map((value) => ({ ...value, name: name() }));
      return {
        ...field,
        parent: copy,
        name: name(),
        ...(field.message && { message: messageOf(field.message) }),
        ...(enumeration && { enum: { ...enumeration, values } }),
        ...(oneof && { oneof: oneofs.get(oneof) }),
      };
    }) as unknown as DescField[];
    for (const [from, to] of oneofs)
      Object.assign(to, { fields: from.fields.map((field) => fields[message.fields.indexOf(field)]) });
    return Object.assign(copy, { fields, oneofs: [...oneofs.values()] });
  };
  return messageOf(desc);
}

test('no name of a descriptor becomes code, whatever it is', () => {
  const desc = renamed(
    descriptorOf(
      `enum Kind { NONE = 0; SOME = 1; }
       message Inner { Kind kind = 1; repeated string words = 2; oneof choice { int32 one = 3; string two = 4; } }
       message Outer { Inner inner = 1; map<string, Inner> named = 2; repeated Inner many = 3; Kind kind = 4; optional bytes raw = 5; Outer self = 6; }`,
      'Outer',
    ),
  );
  const random = new Random(11);
  const messages = Array.from({ length: 300 }, () => randomWire(random, desc));
  const format = new ProtobufFormat(desc, OPTIONS);
  const expected = messages.map((bytes) => plainOfMessage(desc, fromBinary(desc, bytes), OPTIONS));
  expect(bindRows(format, messages, OPTIONS)).toEqual(expected);
  expect('caught' in globalThis).toBe(false);
  expect(format.parsedSchema.fields.map(({ name }) => name)).toEqual(desc.fields.map(({ name }) => name));
});

test('where code may not be generated, the rows are the same', () => {
  const source = 'message M { int32 id = 1; repeated string words = 2; map<string, double> sizes = 3; }';
  const desc = descriptorOf(source, 'M');
  const bytes = toBinary(desc, create(desc, { id: 7, words: ['a', 'bc'], sizes: { x: 1.5 } } as never));
  const set = toBinary(SET, create(SET, { file: [desc.file.proto] }));
  const dist = new URL('../../../dist/columns/', import.meta.url).href;
  const script = `
    import { protobufRows } from ${JSON.stringify(`${dist}protobuf/index.js`)};
    import { BatchPlan } from ${JSON.stringify(`${dist}build/plan.js`)};
    let refused = false;
    try { new Function(''); } catch { refused = true; }
    const format = protobufRows(Buffer.from('${Buffer.from(set).toString('hex')}', 'hex'), 'M');
    const columns = new BatchPlan(format.parsedSchema.fields, 4, { dataBytes: () => 100, childRows: () => 10 }).columnsOnHeap();
    const appender = format.appender();
    appender.bind(columns);
    appender.append(Buffer.from('${Buffer.from(bytes).toString('hex')}', 'hex'), 0);
    appender.settle();
    const [id, words, sizes] = columns;
    const text = ({ data, dataLength }) => Buffer.from(data.subarray(0, dataLength)).toString();
    const [key, value] = sizes.children[0].children;
    console.log(JSON.stringify([refused, id.values[0], text(words.children[0]), words.valueOffsets[1], text(key), value.values[0]]));`;
  const args = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script];
  expect(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))).toEqual([true, 7, 'abc', 2, 'x', 1.5]);
  expect(protobufRows(set, 'M').parsedSchema.fields).toHaveLength(3);
});

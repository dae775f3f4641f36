import type { Builder } from 'flatbuffers';
import { type ArrowType, TYPE_NAMES } from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { FlatTable } from './flatbuffer.js';

/** A parameter of a type: its field's slot is its place in the list; `absent` is what a missing field means. */
interface Parameter {
  readonly name: string;
  readonly kind: 'int16' | 'int32' | 'bool' | 'string' | 'int32s';
  readonly absent?: number;
}

/** The tables of Schema.fbs's `Type` that have fields. */
const PARAMETERS: { readonly [name in ArrowType['name']]?: readonly Parameter[] } = {
  Int: [
    { name: 'bitWidth', kind: 'int32' },
    { name: 'isSigned', kind: 'bool' },
  ],
  FloatingPoint: [{ name: 'precision', kind: 'int16' }],
  Decimal: [
    { name: 'precision', kind: 'int32' },
    { name: 'scale', kind: 'int32' },
    { name: 'bitWidth', kind: 'int32', absent: 128 },
  ],
  Date: [{ name: 'unit', kind: 'int16', absent: 1 }],
  Time: [
    { name: 'unit', kind: 'int16', absent: 1 },
    { name: 'bitWidth', kind: 'int32', absent: 32 },
  ],
  Timestamp: [
    { name: 'unit', kind: 'int16' },
    { name: 'timezone', kind: 'string' },
  ],
  Interval: [{ name: 'unit', kind: 'int16' }],
  Union: [
    { name: 'mode', kind: 'int16' },
    { name: 'typeIds', kind: 'int32s' },
  ],
  FixedSizeBinary: [{ name: 'byteWidth', kind: 'int32' }],
  FixedSizeList: [{ name: 'listSize', kind: 'int32' }],
  Map: [{ name: 'keysSorted', kind: 'bool' }],
  Duration: [{ name: 'unit', kind: 'int16', absent: 1 }],
};

/**
 * The type that a table of Schema.fbs's `Type` union with this tag holds; its parameters' values are not checked.
 * @throws IPC_UNSUPPORTED for a tag that is none.
 */
export function readType(tag: number, table: FlatTable, childCount: number): ArrowType {
  const name = TYPE_NAMES[tag];
  if (name === undefined || name === 'NONE') {
    throw new ArrowlabError('IPC_UNSUPPORTED', `expected a type of tag 1 to ${TYPE_NAMES.length - 1}, found ${tag}`);
  }
  const parameters = (PARAMETERS[name] ?? []).map((parameter, slot) => [
    parameter.name,
    readParameter(table, slot, parameter),
  ]);
  const type = { name, ...Object.fromEntries(parameters) } as ArrowType;
  if (type.name === 'Union' && table.vector(UNION_TYPE_IDS, 4).count === 0) {
    return { ...type, typeIds: Array.from({ length: childCount }, (_, index) => index) };
  }
  return type;
}

const UNION_TYPE_IDS = 1;

function readParameter(table: FlatTable, slot: number, { kind, absent }: Parameter): unknown {
  switch (kind) {
    case 'bool':
      return table.bool(slot);
    case 'string':
      return table.string(slot) ?? null;
    case 'int32s': {
      const { position, count } = table.vector(slot, 4);
      return Array.from({ length: count }, (_, index) => table.int32At(position + 4 * index));
    }
    default:
      return table[kind](slot, absent);
  }
}

export function typeTag(type: ArrowType): number {
  return TYPE_NAMES.indexOf(type.name);
}

/** Writes a type's table; returns its offset. */
export function writeType(builder: Builder, type: ArrowType): number {
  const parameters = PARAMETERS[type.name] ?? [];
  const values = type as unknown as Record<string, unknown>;
  const references = parameters.map(({ name, kind }) => writeReference(builder, kind, values[name]));
  builder.startObject(parameters.length);
  for (const [slot, { name, kind }] of parameters.entries()) {
    const value = values[name];
    if (kind === 'string' || kind === 'int32s') builder.addFieldOffset(slot, references[slot]!, 0);
    else if (kind === 'bool') builder.addFieldInt8(slot, value ? 1 : 0, null);
    else if (kind === 'int16') builder.addFieldInt16(slot, value as number, null);
    else builder.addFieldInt32(slot, value as number, null);
  }
  return builder.endObject();
}

/** Strings and vectors have to be written before the table that refers to them. */
function writeReference(builder: Builder, kind: Parameter['kind'], value: unknown): number {
  if (kind === 'string') return value === null ? 0 : builder.createString(value as string);
  if (kind !== 'int32s') return 0;
  const ints = value as readonly number[];
  builder.startVector(4, ints.length, 4);
  for (const int of ints.toReversed()) builder.addInt32(int);
  return builder.endVector();
}

import { type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { ArrowType } from '../type.js';
import type { SpecialContent } from './plan.js';
import type { Storage } from './slot.js';

export type WellKnownForm =
  | {
      readonly kind: 'special';
      readonly type: ArrowType;
      readonly storage: Storage;
      readonly content: SpecialContent;
      /** What a row has that is given no value. */
      readonly initial: Uint8Array | undefined;
    }
  | { readonly kind: 'wrapper' | 'empty' };

/** Index: Schema.fbs's number of the unit. */
const UNITS = ['s', 'ms', 'us', 'ns'];
const UNITS_PER_SECOND = [1, 1e3, 1e6, 1e9];

const JSON_KINDS = {
  'google.protobuf.Struct': { kind: 'struct', empty: '{}' },
  'google.protobuf.Value': { kind: 'value', empty: 'null' },
  'google.protobuf.ListValue': { kind: 'listValue', empty: '[]' },
} as const;

/** What the well-known types become that are not what their fields are; undefined for any other message. */
export function wellKnownForm(desc: DescMessage, timestampUnit: string, depth: number): WellKnownForm | undefined {
  const special = (
    content: Omit<SpecialContent, 'depth'>,
    type: ArrowType,
    storage: Storage,
    initial?: Uint8Array,
  ): WellKnownForm => ({ kind: 'special', type, storage, content: { ...content, depth }, initial });
  switch (desc.typeName) {
    case 'google.protobuf.Timestamp': {
      if (!hasSecondsAndNanos(desc)) return undefined;
      const unit = UNITS.indexOf(timestampUnit);
      const type = { name: 'Timestamp', unit, timezone: 'UTC' } as const;
      return special({ kind: 'timestamp', unitsPerSecond: UNITS_PER_SECOND[unit]! }, type, 'words');
    }
    case 'google.protobuf.Duration':
      if (!hasSecondsAndNanos(desc)) return undefined;
      return special({ kind: 'duration', unitsPerSecond: 1e9 }, { name: 'Duration', unit: 3 }, 'words');
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue': {
      const { kind, empty } = JSON_KINDS[desc.typeName];
      return special({ kind, unitsPerSecond: 0 }, { name: 'Utf8' }, 'bytes', new TextEncoder().encode(empty));
    }
    case 'google.protobuf.Empty':
      return desc.fields.length === 0 ? { kind: 'empty' } : undefined;
    default:
      return isWrapper(desc) ? { kind: 'wrapper' } : undefined;
  }
}

/** A message may have the name of a well-known type and other fields: then it is like any other. */
function hasSecondsAndNanos({ fields }: DescMessage): boolean {
  const of = (number: number) => fields.find((field) => field.number === number)?.scalar;
  return fields.length === 2 && of(1) === ScalarType.INT64 && of(2) === ScalarType.INT32;
}

const WRAPPED = new Set(['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']);

function isWrapper({ typeName, fields }: DescMessage): boolean {
  const wrapped = /^google\.protobuf\.(.+)Value$/.exec(typeName)?.[1];
  const field = fields[0];
  return (
    wrapped !== undefined &&
    WRAPPED.has(wrapped) &&
    fields.length === 1 &&
    field?.fieldKind === 'scalar' &&
    field.name === 'value' &&
    field.number === 1
  );
}

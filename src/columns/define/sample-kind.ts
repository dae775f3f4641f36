/** What kind of value a sample is, as the schema to infer goes by it. */
export type SampleKind =
  | 'boolean'
  | 'number'
  | 'bigint'
  | 'string'
  | 'Date'
  | 'binary'
  | 'list'
  | 'struct'
  | 'map'
  | 'Temporal.Instant'
  | 'Temporal.ZonedDateTime'
  | 'Temporal.PlainDate'
  | 'Temporal.PlainTime'
  | 'Temporal.Duration';

/** By the tag of an object. Instances of classes that set no tag are structs of their own properties. */
const KINDS = new Map<string, SampleKind>([
  ['Object', 'struct'],
  ['Array', 'list'],
  ['Map', 'map'],
  ['Date', 'Date'],
  ...['Uint8Array', 'ArrayBuffer', 'DataView'].map((tag) => [tag, 'binary'] as const),
  ...['Int8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'BigInt64', 'BigUint64'].map(
    (element) => [`${element}Array`, 'list'] as const,
  ),
  ...['Float16', 'Float32', 'Float64'].map((element) => [`${element}Array`, 'list'] as const),
  ...(['Instant', 'ZonedDateTime', 'PlainDate', 'PlainTime', 'Duration'] as const).map(
    (name) => [`Temporal.${name}`, `Temporal.${name}`] as const,
  ),
]);

const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

/** Whether it is a typed array of floats. */
export const isFloats = (value: unknown): boolean => /^Float\d+Array$/.test(tagOf(value));

/** Undefined for what is of no kind. `value` is not null. */
export function kindOf(value: unknown): SampleKind | undefined {
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'bigint':
    case 'string':
      return typeof value as SampleKind;
    case 'object':
      return KINDS.get(tagOf(value));
    default:
      return undefined;
  }
}

const TEXTS: Partial<Record<SampleKind, string>> = {
  binary: 'bytes',
  list: 'an array',
  struct: 'an object',
};

/** For messages. */
export const kindText = (kind: SampleKind): string => TEXTS[kind] ?? `a ${kind === 'map' ? 'Map' : kind}`;

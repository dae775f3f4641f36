import type { Slot } from './slot.js';

/** How a scalar is read, and thereby what is written: see `Slot.storage`. */
export type ScalarContent =
  | { readonly kind: 'varint32' | 'zigzag32' | 'fixed32' | 'varint64' | 'zigzag64' | 'fixed64' | 'bool' | 'bytes' }
  /** `isStrict`: invalid UTF-8 is an error; else it is replaced by U+FFFD. */
  | { readonly kind: 'string'; readonly isStrict: boolean }
  /** `known`: of a closed enum, whose other numbers count as unknown fields. */
  | { readonly kind: 'enum'; readonly known: ReadonlySet<number> | undefined; readonly isDictionary: boolean };

/** A message that becomes one value: see `SpecialReader`. */
export interface SpecialContent {
  readonly kind: 'timestamp' | 'duration' | 'struct' | 'value' | 'listValue' | 'raw';
  /** Units in a second, of a timestamp or duration. */
  readonly unitsPerSecond: number;
  /** Of the message among those that it lies in. */
  readonly depth: number;
}

export type Content = ScalarContent | SpecialContent | { readonly kind: 'message'; readonly message: MessagePlan };

/** A field of one message at one place of the schema. */
export interface FieldPlan {
  readonly index: number;
  readonly number: number;
  readonly repetition: 'single' | 'list' | 'map';
  /** The column of the field. */
  readonly slot: Slot;
  /** Where a value goes: the list's item, the map's entry, or `slot` itself. */
  readonly item: Slot;
  readonly content: Content;
  /** Whether a value makes the row valid. */
  readonly marksPresence: boolean;
  /** Whether a message is between tags, not behind a length. */
  readonly isGroup: boolean;
  readonly oneof: { readonly plan: OneofPlan; readonly member: number } | undefined;
}

/** The members of a oneof at one place of the schema: setting one clears the others. */
export interface OneofPlan {
  readonly index: number;
  readonly members: Slot[];
  /** The column that names the member. */
  readonly caseSlot: Slot | undefined;
}

/** A message at one place of the schema. The same type elsewhere has a plan of its own, because its columns are others. */
export interface MessagePlan {
  readonly index: number;
  readonly slot: Slot;
  readonly fields: readonly FieldPlan[];
  /** Messages that it lies in, itself included. */
  readonly depth: number;
  /** The number of the group, if it is one. */
  readonly group: number | undefined;
}

/** Everything that is known of a schema before there are columns. */
export interface Plan {
  readonly root: MessagePlan;
  readonly slots: readonly Slot[];
  readonly fields: readonly FieldPlan[];
  readonly messages: readonly MessagePlan[];
  readonly oneofs: readonly OneofPlan[];
}

/** Whether values go to rows of their own, which begin with what an absent value is: those of repeated messages and maps. */
export function hasFrame({ repetition, content }: FieldPlan): boolean {
  return repetition === 'map' || (repetition === 'list' && !isScalar(content));
}

const SCALARS = new Set<Content['kind']>([
  'varint32',
  'zigzag32',
  'fixed32',
  'varint64',
  'zigzag64',
  'fixed64',
  'bool',
  'bytes',
  'string',
  'enum',
]);

export function isScalar(content: Content): content is ScalarContent {
  return SCALARS.has(content.kind);
}

import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromBinary,
  isFieldSet,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { type Data, Type } from 'apache-arrow';

/**
 * A message as plain values that both sides can be brought to: absent is null, integers of 64 bits are bigints, bytes are hex digits,
 * messages and maps are Maps, times are bigints of their unit.
 */
export type Plain = null | number | bigint | string | boolean | Plain[] | Map<string, Plain>;

export interface PlainOptions {
  readonly enums: 'int32' | 'dictionary';
  readonly oneofCase: boolean;
  readonly timestampUnit: 's' | 'ms' | 'us' | 'ns';
}

type Fields = Record<string, unknown>;

/** What columns are to have of a message that @bufbuild/protobuf has decoded. */
export function plainOfMessage(desc: DescMessage, message: Message, options: PlainOptions): Map<string, Plain> {
  const plain = new Map<string, Plain>();
  for (const oneof of options.oneofCase ? desc.oneofs : []) {
    const set = oneof.fields.find((field) => isFieldSet(message, field));
    plain.set(oneof.name, set ? set.name : null);
  }
  for (const field of desc.fields) plain.set(field.name, plainOfField(field, message, options));
  return plain;
}

function plainOfField(field: DescField, message: Message, options: PlainOptions): Plain {
  const fields = message as unknown as Fields;
  const value = field.oneof ? (fields[field.oneof.localName] as { value?: unknown }).value : fields[field.localName];
  switch (field.fieldKind) {
    case 'list':
      return (value as unknown[]).map((item) => plainOfValue(field, item, options, false));
    case 'map': {
      const entries = Object.entries(value as Fields).map(([key, item]) => [
        key,
        plainOfValue(field, item, options, false),
      ]);
      return sorted(new Map(entries as [string, Plain][]));
    }
    default: {
      const isRequired = field.presence === 3 && field.fieldKind !== 'message';
      if (field.presence !== 2 && !isRequired && !isFieldSet(message, field)) return null;
      return plainOfValue(field, value, options, !field.oneof);
    }
  }
}

/** `isUnwrapped`: wrappers are their values in single fields that are in no oneof. */
function plainOfValue(field: DescField, value: unknown, options: PlainOptions, isUnwrapped: boolean): Plain {
  if (field.message) return plainOfSub(field.message, value, options, isUnwrapped);
  if (field.enum) return plainOfEnum(field.enum, value as number, options);
  return plainOfScalar(field.scalar!, value);
}

function plainOfScalar(scalar: ScalarType, value: unknown): Plain {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  // Lone surrogates cannot come, but defaults of other lengths can: strings of 64-bit integers.
  if (typeof value === 'string' && scalar !== ScalarType.STRING) return BigInt(value);
  return value as Plain;
}

function plainOfEnum({ values }: DescEnum, number: number, { enums }: PlainOptions): Plain {
  if (enums === 'int32') return number;
  return values.find((value) => value.number === number)?.name ?? String(number);
}

function plainOfSub(desc: DescMessage, value: unknown, options: PlainOptions, isUnwrapped: boolean): Plain {
  const { typeName } = desc;
  switch (typeName) {
    case 'google.protobuf.Timestamp':
    case 'google.protobuf.Duration': {
      const { seconds, nanos } = value as { seconds: bigint; nanos: number };
      const unit = typeName === 'google.protobuf.Duration' ? 'ns' : options.timestampUnit;
      const perUnit = { s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n }[unit];
      const total = seconds * 10n ** 9n + BigInt(nanos);
      return (total - (((total % perUnit) + perUnit) % perUnit)) / perUnit;
    }
    case 'google.protobuf.Struct':
      return plainOfJson(value);
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      return plainOfJson(localOf(value as Fields));
    case 'google.protobuf.Empty':
      return true;
    default: {
      const field = desc.fields[0];
      if (!/^google\.protobuf\.\w+Value$/.test(typeName)) return plainOfMessage(desc, value as Message, options);
      return plainOfScalar(field!.scalar!, isUnwrapped ? value : (value as Fields).value);
    }
  }
}

/** What Value and ListValue say, as JSON values. */
function localOf(message: Fields): unknown {
  if ('values' in message) return (message.values as Fields[]).map(localOf);
  if ('fields' in message) {
    return Object.fromEntries(
      Object.entries(message.fields as Record<string, Fields>).map(([key, value]) => [key, localOf(value)]),
    );
  }
  const { case: kind, value } = message.kind as { case?: string; value?: unknown };
  if (kind === undefined || kind === 'nullValue') return null;
  return typeof value === 'object' ? localOf(value as Fields) : value;
}

function plainOfJson(json: unknown): Plain {
  if (typeof json === 'number') return Number.isFinite(json) ? json + 0 : String(json);
  if (Array.isArray(json)) return json.map(plainOfJson);
  if (typeof json !== 'object' || json === null) return json as Plain;
  return sorted(new Map(Object.entries(json).map(([key, value]) => [key, plainOfJson(value)])));
}

const sorted = (map: Map<string, Plain>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

/** What columns have of a message in a row: of a struct's children, or of a batch's columns. */
export function plainOfRow(
  desc: DescMessage,
  columns: readonly Data[],
  row: number,
  options: PlainOptions,
): Map<string, Plain> {
  const plain = new Map<string, Plain>();
  let next = 0;
  const cases = new Set<unknown>();
  const values = new Map<string, Plain>();
  for (const field of desc.fields) {
    if (options.oneofCase && field.oneof && !cases.has(field.oneof)) {
      cases.add(field.oneof);
      plain.set(field.oneof.name, read(columns[next++]!, row));
    }
    values.set(field.name, readField(field, columns[next++]!, row, options));
  }
  for (const [name, value] of values) plain.set(name, value);
  return plain;
}

function readField(field: DescField, data: Data, row: number, options: PlainOptions): Plain {
  if (!isValid(data, row)) return null;
  if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return readValue(field, data, row, options);
  const child = data.children[0]!;
  const rows = Array.from(
    { length: data.valueOffsets[row + 1]! - data.valueOffsets[row]! },
    (_, i) => data.valueOffsets[row]! + i,
  );
  if (field.fieldKind === 'list') return rows.map((item) => readValue(field, child, item, options));
  const entries = rows.map((item): [string, Plain] => [
    String(read(child.children[0]!, item)),
    readValue(field, child.children[1]!, item, options),
  ]);
  if (new Set(entries.map(([key]) => key)).size < entries.length) throw new Error(`a key comes twice in ${field.name}`);
  return sorted(new Map(entries));
}

function readValue(field: DescField, data: Data, row: number, options: PlainOptions): Plain {
  const { message } = field;
  if (!message) return read(data, row);
  if (data.type.typeId === Type.Struct) return plainOfRow(message, data.children, row, options);
  const isRaw = data.type.typeId === Type.Binary && message.typeName !== 'google.protobuf.BytesValue';
  if (isRaw) {
    const bytes = data.values.subarray(data.valueOffsets[row]!, data.valueOffsets[row + 1]!) as Uint8Array;
    return plainOfMessage(message, fromBinary(message, bytes), options);
  }
  const value = read(data, row);
  const isJson = ['Struct', 'Value', 'ListValue'].some((name) => message.typeName === `google.protobuf.${name}`);
  return isJson ? plainOfJson(JSON.parse(value as string)) : value;
}

const isValid = ({ nullBitmap, nullCount }: Data, row: number) =>
  nullCount === 0 || ((nullBitmap[row >> 3]! >> (row & 7)) & 1) === 1;

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function read(data: Data, row: number): Plain {
  if (!isValid(data, row)) return null;
  const { values, valueOffsets, type } = data;
  switch (type.typeId) {
    case Type.Bool:
      return ((values[row >> 3]! >> (row & 7)) & 1) === 1;
    case Type.Utf8:
      return DECODER.decode(values.subarray(valueOffsets[row]!, valueOffsets[row + 1]!));
    case Type.Binary:
      return Buffer.from(values.subarray(valueOffsets[row]!, valueOffsets[row + 1]!)).toString('hex');
    case Type.Dictionary:
      return data.dictionary!.get(values[row]!) as string;
    default:
      return values[row]! as number | bigint;
  }
}

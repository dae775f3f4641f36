import * as define from '../../columns/define/index.js';
import { ArrowlabError } from '../../errors.js';
import { suggestedType } from './type-suggestion.js';

type Type = define.ColumnType<never>;
type Argument = string | number;

/** Types that are told by their names, with what else they need in parentheses: `timestamp(ms, UTC)`. */
const NAMED: Record<string, (...args: never[]) => Type> = {
  ...{ int8: define.int8, int16: define.int16, int32: define.int32, int64: define.int64 },
  ...{ uint8: define.uint8, uint16: define.uint16, uint32: define.uint32, uint64: define.uint64 },
  ...{ float16: define.float16, float32: define.float32, float64: define.float64, bool: define.bool },
  ...{ utf8: define.utf8, largeUtf8: define.largeUtf8, utf8View: define.utf8View },
  ...{ binary: define.binary, largeBinary: define.largeBinary, binaryView: define.binaryView },
  ...{ fixedSizeBinary: define.fixedSizeBinary, nullType: define.nullType },
  ...{ decimal32: define.decimal32, decimal64: define.decimal64 },
  ...{ decimal128: define.decimal128, decimal256: define.decimal256 },
  ...{ date32: define.date32, date64: define.date64, time32: define.time32, time64: define.time64 },
  ...{ timestamp: define.timestamp, duration: define.duration, interval: define.interval },
};

const NAMED_TYPE = /^(\w+)(?:\(([^()]*)\))?( not null)?$/;

/**
 * A schema of columns by name, as docs/columns-cli.md describes it.
 * @throws INVALID_ARGUMENT naming the column that is none.
 */
export function schemaOfJson(text: string, path: string): define.TypedSchema<object> {
  return at(path, define.schema, columnsOf(parse(text, path), path)) as define.TypedSchema<object>;
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(path, 'an Arrow IPC file or stream, or JSON', (cause as Error).message, cause);
  }
}

function columnsOf(value: unknown, path: string): Record<string, Type> {
  if (!isObject(value)) throw invalid(path, 'an object of types by name', JSON.stringify(value));
  const entries = Object.entries(value).map(([name, type]) => [name, typeOf(type, `${path}: ${name}`)]);
  return Object.fromEntries(entries);
}

function typeOf(value: unknown, path: string): Type {
  if (typeof value === 'string') return namedType(value, path);
  const [kind, ...others] = isObject(value) ? Object.keys(value).filter((key) => key !== 'nullable') : [];
  const of = isObject(value) && kind !== undefined && others.length === 0 ? value[kind] : undefined;
  const type = of === undefined ? undefined : nestedType(kind!, of, `${path}.${kind}`);
  if (!type)
    throw invalid(path, 'a type, such as "int64", {"list": "utf8"} or {"struct": {...}}', JSON.stringify(value));
  return (value as { nullable?: unknown }).nullable === false ? type : at(path, define.nullable, type);
}

function nestedType(kind: string, of: unknown, path: string): Type | undefined {
  switch (kind) {
    case 'list':
      return at(path, define.list, typeOf(of, path));
    case 'largeList':
      return at(path, define.largeList, typeOf(of, path));
    case 'dictionary':
      return at(path, define.dictionary, notNull(typeOf(of, path)));
    case 'struct':
      return at(path, define.struct, columnsOf(of, path)) as Type;
    case 'union':
      return at(path, define.union, columnsOf(of, path)) as Type;
    case 'map': {
      if (!Array.isArray(of) || of.length !== 2) throw invalid(path, 'the types [key, value]', JSON.stringify(of));
      return at(path, define.map, notNull(typeOf(of[0], path)), typeOf(of[1], path)) as Type;
    }
    default:
      return undefined;
  }
}

function namedType(text: string, path: string): Type {
  const [, name = '', given, notNullable] = NAMED_TYPE.exec(text) ?? [];
  if (!Object.hasOwn(NAMED, name)) throw unknownType(text, path);
  const args = given === undefined ? [] : given.split(',').map((argument) => argumentOf(argument.trim()));
  const type = at(path, NAMED[name]!, ...(args as never[]));
  return notNullable === undefined ? define.nullable(type) : type;
}

function unknownType(text: string, path: string): ArrowlabError {
  const names = Object.keys(NAMED);
  const suggestion = suggestedType(text, names);
  const found = JSON.stringify(text);
  if (suggestion !== undefined) return invalid(path, 'a type', `${found}; did you mean ${JSON.stringify(suggestion)}?`);
  return invalid(path, `a type, one of ${names.join(', ')}`, found);
}

/** What a function that defines types refuses, with its place. */
function at<A extends unknown[], T>(path: string, define: (...args: A) => T, ...args: A): T {
  try {
    return define(...args);
  } catch (error) {
    if (!(error instanceof ArrowlabError)) throw error;
    throw new ArrowlabError(error.number, `${path}: ${error.message}`, { cause: error });
  }
}

const argumentOf = (text: string): Argument => (/^-?\d+$/.test(text) ? Number(text) : text);

const notNull = (type: Type): Type => type.with({ nullable: false });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const invalid = (path: string, expected: string, found: string, cause?: unknown) =>
  new ArrowlabError('INVALID_ARGUMENT', `${path}: expected ${expected}, found ${found}`, { cause });

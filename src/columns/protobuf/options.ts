import { ArrowlabError } from '../../errors.js';

export interface ProtobufOptions {
  /** Enums as their numbers (int32), or as their names in a dictionary; a number without a name is its decimal digits there. Default `int32`. */
  readonly enums?: 'int32' | 'dictionary';
  /** A column more for each oneof, named as it is, with the name of the member that is set. Default false. */
  readonly oneofCase?: boolean;
  /** Of columns of google.protobuf.Timestamp; what is finer is cut off. Default `ns`. */
  readonly timestampUnit?: 's' | 'ms' | 'us' | 'ns';
  /** How many messages of one type may lie within one another; those further down stay bytes. Default 2. */
  readonly maxDepth?: number;
  /** What a malformed message is: an error, or skipped and counted. Default `error`. */
  readonly malformed?: 'error' | 'skip';
  /** Where the imports of a .proto file are looked for, after the folder it lies in. */
  readonly includePaths?: readonly string[];
}

const CHOICES = {
  enums: ['int32', 'dictionary'],
  oneofCase: [true, false],
  timestampUnit: ['s', 'ms', 'us', 'ns'],
  malformed: ['error', 'skip'],
} as const;

export type ResolvedOptions = Required<ProtobufOptions>;

/** The options with their defaults. @throws INVALID_ARGUMENT for a value that an option does not have. */
export function resolveOptions(options: ProtobufOptions): ResolvedOptions {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const found = options[name as keyof typeof CHOICES];
    if (found !== undefined && !(choices as readonly unknown[]).includes(found)) {
      throw new ArrowlabError('INVALID_ARGUMENT', `${name}: expected ${choices.join(' or ')}, found ${String(found)}`);
    }
  }
  const { maxDepth = 2 } = options;
  if (!Number.isInteger(maxDepth) || maxDepth < 1) {
    throw new ArrowlabError('INVALID_ARGUMENT', `maxDepth: expected a whole number of at least 1, found ${maxDepth}`);
  }
  const { enums = 'int32', oneofCase = false, timestampUnit = 'ns', malformed = 'error', includePaths = [] } = options;
  return { enums, oneofCase, timestampUnit, maxDepth, malformed, includePaths };
}

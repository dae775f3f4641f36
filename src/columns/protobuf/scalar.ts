import { ScalarType } from '@bufbuild/protobuf';
import type { ArrowType, IntType } from '../type.js';
import type { ScalarContent } from './plan.js';
import type { Storage } from './slot.js';

export interface ScalarForm {
  readonly type: ArrowType;
  readonly storage: Storage;
  readonly content: ScalarContent;
}

const int = (bitWidth: number, isSigned: boolean): IntType => ({ name: 'Int', bitWidth, isSigned });

export const INT32 = int(32, true);
const INT64 = int(64, true);
const UINT32 = int(32, false);
const UINT64 = int(64, false);
const FLOAT32 = { name: 'FloatingPoint', precision: 1 } as const;
const FLOAT64 = { name: 'FloatingPoint', precision: 2 } as const;

/** What a scalar becomes. `isStrict`: of a string, whether invalid UTF-8 is an error. */
export function scalarForm(scalar: ScalarType, isStrict: boolean): ScalarForm {
  switch (scalar) {
    case ScalarType.INT32:
      return { type: INT32, storage: 'word', content: { kind: 'varint32' } };
    case ScalarType.UINT32:
      return { type: UINT32, storage: 'word', content: { kind: 'varint32' } };
    case ScalarType.SINT32:
      return { type: INT32, storage: 'word', content: { kind: 'zigzag32' } };
    case ScalarType.FIXED32:
      return { type: UINT32, storage: 'word', content: { kind: 'fixed32' } };
    case ScalarType.SFIXED32:
      return { type: INT32, storage: 'word', content: { kind: 'fixed32' } };
    case ScalarType.FLOAT:
      return { type: FLOAT32, storage: 'word', content: { kind: 'fixed32' } };
    case ScalarType.INT64:
      return { type: INT64, storage: 'words', content: { kind: 'varint64' } };
    case ScalarType.UINT64:
      return { type: UINT64, storage: 'words', content: { kind: 'varint64' } };
    case ScalarType.SINT64:
      return { type: INT64, storage: 'words', content: { kind: 'zigzag64' } };
    case ScalarType.FIXED64:
      return { type: UINT64, storage: 'words', content: { kind: 'fixed64' } };
    case ScalarType.SFIXED64:
      return { type: INT64, storage: 'words', content: { kind: 'fixed64' } };
    case ScalarType.DOUBLE:
      return { type: FLOAT64, storage: 'words', content: { kind: 'fixed64' } };
    case ScalarType.BOOL:
      return { type: { name: 'Bool' }, storage: 'bit', content: { kind: 'bool' } };
    case ScalarType.STRING:
      return { type: { name: 'Utf8' }, storage: 'bytes', content: { kind: 'string', isStrict } };
    case ScalarType.BYTES:
      return { type: { name: 'Binary' }, storage: 'bytes', content: { kind: 'bytes' } };
  }
}

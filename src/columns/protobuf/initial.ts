import { type DescField, ScalarType } from '@bufbuild/protobuf';
import { scalarForm } from './scalar.js';

/**
 * What a row has that is given no value, of a field that is never null: the default its descriptor declares (required fields of
 * proto2 may have one). As words or bytes; undefined where it is zero or empty.
 */
export function initialOf(
  field: DescField & { fieldKind: 'scalar' | 'enum' },
): readonly number[] | Uint8Array | undefined {
  if (field.fieldKind === 'enum') {
    const number = field.getDefaultValue() ?? field.enum.values[0]!.number;
    return number === 0 ? undefined : [number];
  }
  const value = field.getDefaultValue();
  if (value === undefined) return undefined;
  if (typeof value === 'string' && field.scalar === ScalarType.STRING) return new TextEncoder().encode(value);
  if (value instanceof Uint8Array) return value;
  return wordsOf(field.scalar, value as number | bigint | string | boolean);
}

function wordsOf(scalar: ScalarType, value: number | bigint | string | boolean): readonly number[] | undefined {
  const view = new DataView(new ArrayBuffer(8));
  const { storage, type } = scalarForm(scalar, true);
  if (type.name === 'FloatingPoint') {
    if (storage === 'word') view.setFloat32(0, Number(value), true);
    else view.setFloat64(0, Number(value), true);
  } else {
    view.setBigInt64(0, BigInt(value), true);
  }
  const words = [view.getInt32(0, true), ...(storage === 'words' ? [view.getInt32(4, true)] : [])];
  return words.some((word) => word !== 0) ? words : undefined;
}

import type { ParsedField } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import { typeText } from '../../ipc/index.js';
import { IsoDuration, toBytes } from './json-values.js';

/** Makes of a cell's text, which is not empty, what an appender takes; text that it cannot make anything of it gives back, to be refused there. */
export type ReadCell = (text: string) => unknown;

/** Without zeros in front, which numbers do not keep. */
export const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const ANY_INTEGER = /^[+-]?\d+$/;
export const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;
export const BOOLEAN = /^(?:true|false)$/i;
/** Digits that every number holds. */
const SAFE_DIGITS = 15;

/** @throws INVALID_ARGUMENT for a type that no cell can hold. */
export function cellReader({ name, type }: ParsedField): ReadCell {
  switch (type.name) {
    case 'Int':
      return readInteger;
    case 'FloatingPoint':
      return (text) => (NUMBER.test(text) ? Number(text) : text);
    case 'Bool':
      return (text) => (BOOLEAN.test(text) ? text.length === 'true'.length : text);
    case 'Binary':
    case 'LargeBinary':
    case 'BinaryView':
    case 'FixedSizeBinary':
      return toBytes;
    case 'Duration':
      return (text) => (ANY_INTEGER.test(text) ? readInteger(text) : new IsoDuration(text));
    case 'Time':
      return readInteger;
    case 'Null':
    case 'Utf8':
    case 'LargeUtf8':
    case 'Utf8View':
    case 'Date':
    case 'Timestamp':
    case 'Decimal':
      return asItIs;
    default:
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `column ${JSON.stringify(name)}: expected a type that a cell can hold, found ${typeText(type)}: use JSON`,
      );
  }
}

const asItIs: ReadCell = (text) => text;

function readInteger(text: string): unknown {
  if (!ANY_INTEGER.test(text)) return text;
  return text.length <= SAFE_DIGITS ? Number(text) : BigInt(text.replace('+', ''));
}

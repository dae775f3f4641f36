import { types } from 'node:util';

/** Digits that each width holds in any case. */
const MAX_DIGITS: Record<number, number> = { 32: 9, 64: 18, 128: 38, 256: 76 };
const DECIMAL = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\s*$/;

/**
 * Decimals as their unscaled integer: of text, numbers and bigints, which are the value itself, and of a Uint32Array, which is the
 * unscaled integer's words as apache-arrow reads them. Undefined where the value has digits that the type has no place for.
 */
export function decimalOf(type: { precision: number; scale: number; bitWidth: number }) {
  const { precision, scale, bitWidth } = type;
  const limit = 10n ** BigInt(Math.min(precision, MAX_DIGITS[bitWidth]!));
  return (value: unknown): bigint | undefined => {
    const unscaled = unscaledOf(value, scale, bitWidth);
    return unscaled !== undefined && unscaled < limit && unscaled > -limit ? unscaled : undefined;
  };
}

function unscaledOf(value: unknown, scale: number, bitWidth: number): bigint | undefined {
  if (typeof value === 'bigint') return shifted(value, scale);
  if (typeof value === 'number' || typeof value === 'string') return parsed(String(value), scale);
  if (types.isUint32Array(value) && value.byteLength * 8 === bitWidth) return ofWords(value, bitWidth);
  return undefined;
}

function parsed(text: string, scale: number): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (whole + fraction === '') return undefined;
  // Zeros at the end are no digits; there may be more of them than the scale has places for.
  const digits = (whole + fraction).replace(/0+$/, '');
  const zeros = whole.length + fraction.length - digits.length;
  const unscaled = shifted(BigInt(digits), scale + Number(exponent) - fraction.length + zeros);
  return unscaled !== undefined && sign === '-' ? -unscaled : unscaled;
}

/** `value` times ten to the power of `places`, where that is whole. Beyond 10^76 nothing fits whatever it is. */
function shifted(value: bigint, places: number): bigint | undefined {
  if (value === 0n) return 0n;
  if (Math.abs(places) > 400) return undefined;
  if (places >= 0) return value * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  return value % divisor === 0n ? value / divisor : undefined;
}

function ofWords(words: Uint32Array, bitWidth: number): bigint {
  let value = 0n;
  for (let i = bitWidth / 32 - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i]!);
  return BigInt.asIntN(bitWidth, value);
}

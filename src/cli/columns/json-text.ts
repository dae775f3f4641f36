/** A number with more digits than a JavaScript number holds, and a fraction. */
export class LongDecimal {
  constructor(readonly text: string) {}
}

/** Where a number may be that loses digits: integers of 16 digits or more, or any of so many. Also finds what is text. */
const LONG_INTEGER = /[:,[\s]-?\d{16}/;
const LONG_NUMBER = /\d[\d.]{15}/;

/** Texts, which are passed over, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(\.\d+)?([eE][-+]?\d+)?/g;

const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;
const EXACT_DIGITS = 15;
const LEAST = Number.MIN_VALUE;
const LEAST_NORMAL = 2 ** -1022;

/**
 * Reads JSON, with every digit of its integers: those that a number cannot hold, and 64 bits can, are bigints. With `isExact` all those are, and numbers
 * with a fraction and more than 15 digits are `LongDecimal`.
 */
export class JsonReader {
  readonly #long: RegExp;

  constructor(readonly isExact: boolean) {
    this.#long = isExact ? LONG_NUMBER : LONG_INTEGER;
  }

  /** False where `read` of any part of the text does as `JSON.parse`. */
  hasLong(text: string): boolean {
    return this.#long.test(text);
  }

  /** @throws SyntaxError */
  read(text: string): unknown {
    if (!this.#long.test(text)) return JSON.parse(text);
    const values: unknown[] = [];
    // JSON.parse gives numbers alone, rounded: a place in `values` stands for each that is long. Subnormal numbers, of which hardly one is
    // ever used, are these places; those that are used go the same way, so that none is mistaken.
    const marked = text.replace(TOKENS, (token, fraction?: string, exponent?: string) => {
      if (token.startsWith('"')) return token;
      const value = this.#value(token, fraction, exponent);
      if (value === undefined) return token;
      values.push(value);
      return String(values.length * LEAST);
    });
    if (values.length === 0) return JSON.parse(text);
    try {
      return JSON.parse(marked, (_, value: unknown) =>
        typeof value === 'number' && value > 0 && value < LEAST_NORMAL ? values[value / LEAST - 1] : value,
      );
    } catch (error) {
      JSON.parse(text); // the message about what stands there
      throw error;
    }
  }

  /** What a number has to be that JSON.parse does not give; undefined where it does. */
  #value(token: string, fraction: string | undefined, exponent: string | undefined): unknown {
    const number = Number(token);
    if (/^-?0\d/.test(token)) return undefined; // which is no JSON, and has to stay none
    if (number !== 0 && Math.abs(number) < LEAST_NORMAL) return number;
    if (exponent !== undefined) return undefined;
    if (fraction !== undefined)
      return this.isExact && token.replace(/\D/g, '').length > EXACT_DIGITS ? new LongDecimal(token) : undefined;
    if (Number.isSafeInteger(number)) return undefined;
    const integer = BigInt(token);
    return this.isExact || (integer >= MIN_INT64 && integer <= MAX_UINT64) ? integer : undefined;
  }
}

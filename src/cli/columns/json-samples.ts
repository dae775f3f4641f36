/**
 * JSON has one kind of number, rows have two. Where some sample of a column has a fraction, integers that are bigints, for their digits, become
 * numbers, in place: the column is one of floats.
 */
export function unifyNumbers(rows: readonly object[]): void {
  const place = new NumberPlace();
  for (const row of rows) place.look(row);
  for (const row of rows) place.unified(row);
}

/** Numbers seen at one place of the rows. */
class NumberPlace {
  readonly #fields = new Map<string, NumberPlace>();
  #items: NumberPlace | undefined;
  #hasBigInt = false;
  #hasFloat = false;

  look(value: unknown): void {
    if (typeof value === 'bigint') this.#hasBigInt = true;
    else if (typeof value === 'number') this.#hasFloat ||= !Number.isSafeInteger(value);
    else if (Array.isArray(value)) for (const item of value) this.#item().look(item);
    else if (typeof value === 'object' && value !== null)
      for (const [name, member] of Object.entries(value)) this.#field(name).look(member);
  }

  unified(value: unknown): unknown {
    if (typeof value === 'bigint') return this.#hasFloat && this.#hasBigInt ? Number(value) : value;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) value[index] = this.#item().unified(item);
    } else if (typeof value === 'object' && value !== null) {
      const members = value as Record<string, unknown>;
      for (const name of Object.keys(members)) members[name] = this.#field(name).unified(members[name]);
    }
    return value;
  }

  #item(): NumberPlace {
    this.#items ??= new NumberPlace();
    return this.#items;
  }

  #field(name: string): NumberPlace {
    const known = this.#fields.get(name);
    if (known) return known;
    const place = new NumberPlace();
    this.#fields.set(name, place);
    return place;
  }
}

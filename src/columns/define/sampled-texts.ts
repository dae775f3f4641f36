import type { ColumnType } from './column-type.js';
import { readIsoText, type TextForm } from './iso-text.js';
import { utf8 } from './primitive.js';
import { date32, timestamp } from './temporal.js';

/** Whole years that nanoseconds since the epoch reach in 64 bits. */
const NANOSECOND_YEARS = { first: 1678, last: 2261 };

/** Texts seen at one place: what they all say, if they do. */
export class SampledTexts {
  readonly #forms = new Set<TextForm>();
  #digits = 0;
  #isNear = true;

  add(text: string): void {
    const { form, year, digits } = readIsoText(text);
    this.#forms.add(form);
    this.#digits = Math.max(this.#digits, digits);
    this.#isNear &&= year >= NANOSECOND_YEARS.first && year <= NANOSECOND_YEARS.last;
  }

  columnType(): ColumnType<never> {
    const [form] = this.#forms;
    const isNano = this.#digits > 6;
    if (this.#forms.size !== 1 || form === 'other') return utf8();
    if (form === 'date') return date32();
    if (isNano && !this.#isNear) return utf8();
    const unit = isNano ? 'ns' : 'us';
    return form === 'instant' ? timestamp(unit, 'UTC') : timestamp(unit);
  }
}

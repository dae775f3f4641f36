import { ArrowlabError } from '../../errors.js';
import { itemSegment, nameSegment } from '../value-text.js';
import { found } from './found.js';

/** One step down: the name of a field (quoted where it is no plain word), the number of an item, or a text that is written as it is. */
type Step = string | number | { readonly text: string };

/** Before the first step into a container. */
const NOWHERE: Step = { text: '' };

/** Where in the samples a value is, for messages: `row 17: where.tags[3]`. Rows count from 0. */
export class SamplePlace {
  row = 0;
  readonly #steps: Step[] = [];
  readonly #containers: object[] = [];

  /** Goes on inside `container` while `visit` runs, which steps to each value by `step`. */
  inside(container: object, visit: () => void): void {
    if (this.#containers.includes(container)) {
      throw this.error('a value that does not contain itself', container, 'leave the reference out');
    }
    this.#containers.push(container);
    this.#steps.push(NOWHERE);
    visit();
    this.#steps.pop();
    this.#containers.pop();
  }

  /** The value that is looked at next, of the innermost container. */
  step(step: Step): void {
    this.#steps[this.#steps.length - 1] = step;
  }

  /** DATA_INVALID about the value here. */
  error(expected: string, value: unknown, advice: string): ArrowlabError {
    const path = this.#steps.map(stepText).join('').replace(/^\./, '');
    const place = `row ${this.row}: ${path ? `${path}: ` : ''}`;
    return new ArrowlabError('DATA_INVALID', `${place}expected ${expected}, found ${found(value)}; ${advice}`);
  }
}

function stepText(step: Step): string {
  if (typeof step === 'object') return step.text;
  return typeof step === 'number' ? itemSegment(step) : nameSegment(step);
}

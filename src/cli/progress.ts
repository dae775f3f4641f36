const FIRST_MS = 1_000;
const NEXT_MS = 250;

/** One line on standard error that says how far something has come, once it takes long and where that is a terminal. */
export class Progress {
  readonly #isShown: boolean;
  #nextMs = performance.now() + FIRST_MS;
  #hasLine = false;

  /** `isShown`: whether nothing else is written to the terminal meanwhile. */
  constructor(isShown: boolean) {
    this.#isShown = isShown && process.stderr.isTTY === true;
  }

  say(text: () => string): void {
    if (!this.#isShown || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + NEXT_MS;
    this.#hasLine = true;
    process.stderr.write(`\r\x1b[K${text()}`);
  }

  end(): void {
    if (this.#hasLine) process.stderr.write('\r\x1b[K');
  }
}

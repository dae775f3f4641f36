/** How often a set-up without a terminal says that it is still going. */
const STILL_GOING_MS = 30_000;
const REDRAW_MS = 1_000;

const duration = (ms) =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;

/** Tells people how far the set-up is, on standard error: a line for each finished step, and one that moves on a terminal. */
export class Progress {
  #out = process.stderr;
  #startedAt = new Map();
  #timer;

  start(step) {
    this.#startedAt.set(step, performance.now());
    if (this.#out.isTTY) this.#draw();
    this.#timer ??= setInterval(
      () => (this.#out.isTTY ? this.#draw() : this.say(`still going: ${this.#running()}`)),
      this.#out.isTTY ? REDRAW_MS : STILL_GOING_MS,
    );
  }

  finish(step) {
    const ms = performance.now() - this.#startedAt.get(step);
    this.#startedAt.delete(step);
    this.say(`${step}: done in ${duration(ms)}`);
  }

  /** Writes one line. */
  say(line) {
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[K' : ''}setup: ${line}\n`);
    if (this.#out.isTTY && this.#startedAt.size > 0) this.#draw();
  }

  /** Nothing runs any more. */
  end() {
    clearInterval(this.#timer);
    this.#startedAt.clear();
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }

  #draw() {
    this.#out.write(`\r\x1b[Ksetup: ${this.#running()}`.slice(0, this.#out.columns));
  }

  #running() {
    const now = performance.now();
    return [...this.#startedAt].map(([step, startedAt]) => `${step} (${duration(now - startedAt)})`).join(', ');
  }
}

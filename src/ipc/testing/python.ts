import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

/** A Python process with pyarrow that makes, reads and compares IPC streams; see cases.py. One for a test file. */
export class PyArrow {
  readonly #child = spawn(
    fileURLToPath(new URL('python-peer/.venv/bin/python', root)),
    [fileURLToPath(new URL('src/ipc/testing/cases.py', root))],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  readonly #answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();

  /** The answer to one request; fails with Python's traceback. One at a time. */
  async ask<T = { difference: string | null }>(operation: string, parameters: object = {}): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify({ operation, ...parameters })}\n`);
    const { value, done } = await this.#answers.next();
    const answer = done ? { error: 'the Python process has ended' } : JSON.parse(value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async close(): Promise<void> {
    const exit = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await exit;
  }
}

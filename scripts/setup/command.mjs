import { spawn } from 'node:child_process';

/** How many lines of a failed command's output are shown. */
const TAIL_LINES = 25;

/** A command that could not do its work; `tail` holds the last lines it wrote. */
export class CommandFailed extends Error {
  constructor(command, outcome, tail) {
    super(`${command} ${outcome}`);
    this.tail = tail;
  }
}

const running = new Set();

// Each command leads a process group of its own, so that whatever it started ends with it; nothing outlives the set-up.
function stopAll() {
  for (const child of running) {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // it has just ended
    }
  }
}
process.on('exit', stopAll);
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])
  process.once(signal, () => process.exit(exitCode));

const lastLines = (text) =>
  text
    .split('\n')
    .slice(-TAIL_LINES - 1)
    .join('\n');

/**
 * Runs a command to its end without showing its output; resolves to the last lines of its standard output. Rejects with
 * CommandFailed when it can't be started, fails, or is stopped by `signal`.
 */
export function run(command, args, { cwd, env = process.env, signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout = lastLines(stdout + chunk);
      output = lastLines(output + chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      output = lastLines(output + chunk);
    });
    const stop = () => process.kill(-child.pid, 'SIGTERM');
    child.once('spawn', () => {
      running.add(child);
      signal?.addEventListener('abort', stop, { once: true });
    });
    child.once('exit', () => {
      running.delete(child);
      signal?.removeEventListener('abort', stop);
    });
    const fail = (outcome) => reject(new CommandFailed([command, ...args].join(' '), outcome, output.trimEnd()));
    child.once('error', (error) => fail(`cannot be started: ${error.message}`));
    child.once('close', (code, killedBy) => {
      if (code === 0) resolve(stdout);
      else fail(killedBy ? `was ended by ${killedBy}` : `failed with exit code ${code}`);
    });
  });
}

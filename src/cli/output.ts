import { constants } from 'node:os';
import { CommanderError } from 'commander';
import { ArrowlabError } from '../errors.js';

/** What a command found out: `data` for programs (`--json`), `text` for people. */
export interface CommandResult {
  data: unknown;
  text: string;
  /** 0 where it isn't given. */
  exitCode?: number;
}

/** Exit code of a command line that cannot be understood; with `--json` every error has exit code 1. */
const USAGE_EXIT_CODE = 2;
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface CommandOptions {
  /** Ctrl-C is how the command is meant to end: exit code 0. */
  isEndedByInterrupt?: boolean;
}

/**
 * Does a command's work and prints its result, if it has one: one line of JSON, or its text. What the work throws is printed by `printError`.
 * The signal is aborted by Ctrl-C, so that the work can clean up; a second Ctrl-C ends the process at once.
 */
export async function runCommand(
  flags: { json?: boolean },
  work: (signal: AbortSignal) => Promise<CommandResult | undefined>,
  { isEndedByInterrupt = false }: CommandOptions = {},
): Promise<void> {
  const interruption = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    process.exitCode = isEndedByInterrupt ? 0 : 128 + constants.signals[signal];
    interruption.abort(new ArrowlabError('ABORTED', `stopped by ${signal}`));
  };
  for (const signal of INTERRUPTS) process.once(signal, interrupt);
  try {
    const result = await work(interruption.signal);
    process.exitCode ??= result?.exitCode ?? 0;
    if (result) console.log(flags.json ? JSON.stringify(result.data) : result.text);
  } catch (error) {
    printError(error, flags.json ?? false);
  } finally {
    for (const signal of INTERRUPTS) process.off(signal, interrupt);
  }
}

/** Prints an error: `{ error: { code, message } }` on standard output with `json`, else one line on standard error. Sets the exit code. */
export function printError(error: unknown, json: boolean): void {
  const { code, message } = describe(error);
  process.exitCode ??= error instanceof CommanderError && !json ? USAGE_EXIT_CODE : 1;
  if (json) console.log(JSON.stringify({ error: { code, message } }));
  else console.error(error instanceof CommanderError ? `alab: ${message}` : `alab: ${message} (${code})`);
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof CommanderError)
    return { code: 'ERR_ARROWLAB_INVALID_ARGUMENT', message: error.message.replace(/^error: /, '') };
  if (!(error instanceof Error)) return { code: 'ERR_ARROWLAB_SYSTEM', message: String(error) };
  return { code: (error as NodeJS.ErrnoException).code ?? 'ERR_ARROWLAB_SYSTEM', message: error.message };
}

/** Ends the process quietly once nobody reads its output any more, as `alab ... | head -1` wants it. */
export function endWhenUnread(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

/** A size for people. */
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

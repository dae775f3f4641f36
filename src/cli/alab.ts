#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addDoctorCommand } from './doctor.js';
import { endWhenUnread, printError } from './output.js';

const EXAMPLES = `
Examples:
  alab ipc publish flights.arrow --socket /tmp/flights.sock
  alab ipc read --socket /tmp/flights.sock
  alab ipc transfer-recordbatch --peer python --sleep 10
  alab columns from-json --input events.ndjson --output events.arrows
  alab doctor`;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Reads the command line and does what it says. */
async function main(args: string[]): Promise<void> {
  const program = new Command('alab')
    .description('Hands Apache Arrow tables between processes on one machine without copying them')
    .version(version)
    .showSuggestionAfterError()
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: () => {} }); // printError does
  try {
    addDoctorCommand(program);
    // The doctor has to work where apache-arrow, which the others load, is missing.
    if (args[0] !== 'doctor') {
      (await import('./ipc.js')).addIpcCommands(program);
      (await import('./columns.js')).addColumnsCommands(program);
    }
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // it was --help or --version
    if (error instanceof CommanderError && error.code === 'commander.help')
      process.exitCode = 2; // help was shown instead of doing something
    else printError(error, args.includes('--json'));
  }
}

endWhenUnread();
void main(process.argv.slice(2));

import type { Command } from 'commander';
import { checkBridge } from './checks/bridge.js';
import type { Check } from './checks/check.js';
import { checkMachine } from './checks/machine.js';
import { checkPeers } from './checks/peers.js';
import { type CommandResult, runCommand } from './output.js';

/** `alab doctor`: what this machine offers to the bridge, and what to do about what is missing. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('tell what this machine offers, and what to do about what is missing')
    .option('--python <command>', 'the Python to use (default: ARROWLAB_PYTHON, VIRTUAL_ENV, python3)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExit code 0 when the bridge can work on this machine, else 1.\n\nExample:\n  alab doctor --json',
    )
    .action((flags: { python?: string; json?: boolean }) => runCommand(flags, () => diagnose(flags.python)));
}

async function diagnose(python?: string): Promise<CommandResult> {
  const checks = [...checkMachine(), ...(await checkBridge()), ...(await checkPeers(python))];
  const isReady = checks.every(({ isRequired, status }) => !isRequired || status === 'ok');
  return { data: { isReady, checks }, text: describe(checks, isReady), exitCode: isReady ? 0 : 1 };
}

function describe(checks: Check[], isReady: boolean): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, found, advice }) => [
    `${status.padEnd(7)}  ${name.padEnd(width)}  ${found}`,
    ...(advice ? [`${' '.repeat(7 + 2 + width + 2)}-> ${advice}`] : []),
  ]);
  return [
    ...lines,
    '',
    isReady
      ? 'The bridge works on this machine.'
      : 'The bridge cannot work on this machine yet: see what is missing above.',
  ].join('\n');
}

import { spawn } from 'node:child_process';

/** Runs a command with its output shown as it comes; resolves to its exit code (1 when it can't be started or was killed) and, with `keep`, its standard output. */
export function show([command, ...args], { cwd, env = process.env, keep = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', keep ? 'pipe' : 'inherit', 'inherit'] });
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      process.stdout.write(chunk);
    });
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve({ exitCode: 1, stdout });
    });
    child.once('close', (code) => resolve({ exitCode: code ?? 1, stdout }));
  });
}

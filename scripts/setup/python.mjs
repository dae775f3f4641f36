import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { which } from './tools.mjs';

/** Makes python-peer/.venv anew, with the peer (editable) and its development tools in it. Uses uv where it is on PATH. */
export async function buildVenv(root, python, signal) {
  const cwd = join(root, 'python-peer');
  const interpreter = join(cwd, '.venv/bin/python');
  const uv = which('uv');
  const make = uv ? [uv, 'venv', '--python', python.command, '.venv'] : [python.command, '-m', 'venv', '.venv'];
  const install = uv
    ? [uv, 'pip', 'install', '--python', interpreter]
    : [interpreter, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];
  rmSync(join(cwd, '.venv'), { recursive: true, force: true });
  await run(make[0], make.slice(1), { cwd, signal });
  await run(install[0], [...install.slice(1), '--editable', '.[dev]'], { cwd, signal });
  // It downloads itself when it is first called; here, so that nothing later needs the network.
  await run(interpreter, ['-m', 'pyright', '--version'], { cwd, signal });
}

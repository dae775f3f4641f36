import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findPython, findRustPeer, installAdvice } from '../../sidecar/index.js';
import { type Check, optional, required } from './check.js';

const TIMEOUT_MS = 60_000;
const PROBE =
  'import json, platform, arrowlab, pyarrow; print(json.dumps([platform.python_version(), pyarrow.__version__]))';
/** What set-up writes down about the halves it left out; there is none in an installed package. */
const HALVES = new URL('../../../node_modules/.cache/arrowlab/halves.json', import.meta.url);

/** Node, apache-arrow, and the peers in Python and Rust. */
export async function checkPeers(python?: string): Promise<Check[]> {
  return [checkNode(), checkApacheArrow(), await checkPython(python), checkRust()];
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return required(
    'Node',
    major > 20 || (major === 20 && minor >= 20),
    process.version,
    'install Node >= 20.20, best version 24',
  );
}

function checkApacheArrow(): Check {
  const advice = 'npm install apache-arrow@21';
  try {
    const main = createRequire(import.meta.url).resolve('apache-arrow');
    const { version } = JSON.parse(readFileSync(join(dirname(main), 'package.json'), 'utf8')) as { version: string };
    return required('apache-arrow', version.startsWith('21.'), version, advice);
  } catch (error) {
    return required('apache-arrow', false, (error as NodeJS.ErrnoException).code ?? (error as Error).message, advice);
  }
}

async function checkPython(explicit?: string): Promise<Check> {
  try {
    const { command, args, source } = findPython(explicit);
    try {
      const { stdout } = await promisify(execFile)(command, [...args, '-c', PROBE], { timeout: TIMEOUT_MS });
      const [version, pyarrow] = JSON.parse(stdout) as [string, string];
      return optional('Python peer', true, `Python ${version} (${source}), pyarrow ${pyarrow}`, '');
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) || (error as Error).message;
      return optional('Python peer', false, `${command} (${source}): ${said}`, pythonAdvice(command), 'missing');
    }
  } catch (error) {
    return optional('Python peer', false, (error as Error).message, pythonAdvice('python3'), 'missing');
  }
}

const pythonAdvice = (command: string): string =>
  leftOut('python') ?? `install the module for Python >= 3.11: ${installAdvice(command)}`;

function checkRust(): Check {
  try {
    return optional('Rust peer', true, findRustPeer(), '');
  } catch (error) {
    return optional(
      'Rust peer',
      false,
      (error as Error).message,
      leftOut('rust') ?? 'not needed for the other peers; install cargo (https://rustup.rs) and do what is said here',
      'missing',
    );
  }
}

function leftOut(half: 'python' | 'rust'): string | undefined {
  try {
    return (JSON.parse(readFileSync(HALVES, 'utf8')) as Record<string, string | null>)[half] ?? undefined;
  } catch {
    return undefined;
  }
}

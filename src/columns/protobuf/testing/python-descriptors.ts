import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PYTHON = fileURLToPath(new URL('../../../../python-peer/.venv/bin/python', import.meta.url));
const SCRIPT = fileURLToPath(new URL('python_descriptors.py', import.meta.url));

/** The FileDescriptorSet of modules that protoc generated for Python, by their names. */
export function pythonDescriptors(...modules: string[]): Uint8Array {
  return new Uint8Array(execFileSync(PYTHON, [SCRIPT, ...modules], { maxBuffer: 1 << 26 }));
}

/** The folder in which a package of Python lies. */
export function pythonPackages(): string {
  const code = 'import sysconfig; print(sysconfig.get_paths()["purelib"])';
  return execFileSync(PYTHON, ['-c', code], { encoding: 'utf8' }).trim();
}

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ArrowlabError } from '../errors.js';
import { inPackage, isCheckout } from '../installation.js';

const TIMEOUT_MS = 30_000;

/** Looks for the modules without loading them, in any Python 3; the working directory is none of the places. */
const PROBE = `
import json, os, sys, sysconfig
from importlib.util import find_spec
sys.path[:] = [path for path in sys.path if path]
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
print(json.dumps({
    "version": sys.version_info[:3],
    "missing": [name for name in ("arrowlab", "pyarrow") if find_spec(name) is None],
    "isManaged": sys.prefix == sys.base_prefix and os.path.exists(marker),
}))
`;

interface Found {
  version: [major: number, minor: number, patch: number];
  missing: string[];
  /** Whether pip refuses to install into it, as its distribution's package manager does that. */
  isManaged: boolean;
}

/** Throws PEER_FAILED, saying what to do, unless the Python is new enough and has the module with what it needs. */
export function checkModule({ command, source }: { command: string; source: string }): void {
  const { version, missing } = probe(command, source);
  const [major, minor] = version;
  if (major < 3 || (major === 3 && minor < 11))
    throw new ArrowlabError(
      'PEER_FAILED',
      `expected Python >= 3.11, found ${version.join('.')} at ${command} (${source}): name another with --python or ARROWLAB_PYTHON`,
    );
  if (missing.length > 0)
    throw new ArrowlabError(
      'PEER_FAILED',
      `expected the Python module ${missing.join(' and ')} at ${command} (${source}), found none: ${installAdvice(command)}`,
    );
}

/** The command that installs the module for this Python, from what this copy of Arrowlab carries. */
export function installAdvice(command: string): string {
  const module = quote(moduleSource());
  return isManaged(command)
    ? `${quote(command)} -m venv .venv && .venv/bin/python -m pip install ${module} (and then --python .venv/bin/python)`
    : `${quote(command)} -m pip install ${module}`;
}

function isManaged(command: string): boolean {
  try {
    return probe(command, command).isManaged;
  } catch {
    return false;
  }
}

function probe(command: string, source: string): Found {
  const { stdout, stderr, error } = spawnSync(command, ['-c', PROBE], { encoding: 'utf8', timeout: TIMEOUT_MS });
  try {
    return JSON.parse(stdout) as Found;
  } catch (cause) {
    const said = error?.message ?? (stderr.trim().split('\n').at(-1) || 'nothing');
    throw new ArrowlabError(
      'PEER_FAILED',
      `expected a Python interpreter at ${command} (${source}), found a program that says: ${said}`,
      { cause },
    );
  }
}

/** The sources of the module in a checkout, the wheel in an installed package. */
function moduleSource(): string {
  if (isCheckout) return inPackage('python-peer');
  const folder = inPackage('python');
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  return join(folder, wheel ?? '');
}

const quote = (path: string): string => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

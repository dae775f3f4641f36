import { join } from 'node:path';
import { ArrowlabError } from '../errors.js';
import { inPackage } from '../installation.js';
import { findExecutable } from './executable.js';
import { checkModule } from './python-module.js';

/** How Python is started. */
export interface PythonCommand {
  command: string;
  /** To be put before all other arguments. */
  args: string[];
  /** What named this Python, for people. */
  source: string;
}

/**
 * The Python that peers run in: `explicit` (as `--python` gives it), else ARROWLAB_PYTHON, else VIRTUAL_ENV, else the
 * environment of this checkout, else python3. Whether the module `arrowlab` is installed there is not looked at.
 * Throws PEER_FAILED when what was named, or any Python at all, is not there.
 */
export function findPython(explicit?: string): PythonCommand {
  const { ARROWLAB_PYTHON, VIRTUAL_ENV } = process.env;
  const named: [string, string | undefined][] = [
    ['--python', explicit],
    ['ARROWLAB_PYTHON', ARROWLAB_PYTHON],
    ['VIRTUAL_ENV', VIRTUAL_ENV && join(VIRTUAL_ENV, 'bin/python')],
  ];
  for (const [source, wanted] of named) {
    if (!wanted) continue;
    const command = findExecutable(wanted);
    if (!command)
      throw new ArrowlabError(
        'PEER_FAILED',
        `expected a Python interpreter at ${wanted}, which ${source} names, found none`,
      );
    return pythonCommand(command, source);
  }
  const command = findExecutable(inPackage('python-peer/.venv/bin/python'));
  if (command) return pythonCommand(command, 'python-peer/.venv');
  const onPath = findExecutable('python3');
  if (onPath) return pythonCommand(onPath, 'python3 on PATH');
  throw new ArrowlabError(
    'PEER_FAILED',
    'expected python3 on PATH, found none: install Python >= 3.11 or name one with --python or ARROWLAB_PYTHON',
  );
}

/** As `findPython`, and the module `arrowlab` can be started there. Throws PEER_FAILED that says how to install it. */
export function findPythonPeer(explicit?: string): PythonCommand {
  const python = findPython(explicit);
  checkModule(python);
  return python;
}

// -P: a folder `arrowlab` in the working directory must not be taken for the module.
const pythonCommand = (command: string, source: string): PythonCommand => ({ command, args: ['-P'], source });

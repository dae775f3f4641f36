import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './command.mjs';

const SUPPORTED_NODE = [20, 20];
const SUPPORTED_PYTHON = [3, 11];
const PYTHON_NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];

/** A tool that is not on this machine, or too old; `advice` says how to get it. */
export class ToolMissing extends Error {
  constructor(what, advice) {
    super(what);
    this.advice = advice;
  }
}

/** The first of the names that is an executable on PATH (or a path to one), with its whole path; undefined if none is. */
export function which(...names) {
  for (const name of names)
    for (const folder of name.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        if (statSync(path).isFile()) return path;
      } catch {
        // the next one
      }
    }
  return undefined;
}

const isOlder = (version, minimum) => version[0] < minimum[0] || (version[0] === minimum[0] && version[1] < minimum[1]);
const versionLine = async (command, args) => (await run(command, args)).split('\n', 1)[0].trim();
const numbersOf = (text) => /(\d+)\.(\d+)/.exec(text).slice(1, 3).map(Number);

/** Throws ToolMissing unless this is Linux and a Node that Arrowlab supports. */
export function requirePlatform() {
  if (process.platform !== 'linux')
    throw new ToolMissing(
      `Arrowlab works on Linux only, this is ${process.platform}`,
      'use a Linux machine, virtual machine or container',
    );
  if (isOlder(numbersOf(process.version), SUPPORTED_NODE))
    throw new ToolMissing(
      `Node >= ${SUPPORTED_NODE.join('.')} is needed, this is ${process.version}`,
      'https://nodejs.org, best version 24',
    );
}

/** How npm is called: through the npm that runs this, or else the one on PATH. */
export function findNpm() {
  const script = process.env.npm_execpath;
  if (script?.endsWith('npm-cli.js')) return { command: process.execPath, args: [script] };
  const command = which('npm');
  if (command) return { command, args: [] };
  throw new ToolMissing(
    'npm is missing',
    'Debian, Ubuntu: sudo apt-get install npm; Fedora: sudo dnf install nodejs-npm',
  );
}

/** The C++ compiler: CXX, which may carry arguments, or the first of c++, g++, clang++. */
export async function findCompiler() {
  const [wanted, ...args] = (process.env.CXX ?? '').split(' ').filter(Boolean);
  const command = wanted ? which(wanted) : which('c++', 'g++', 'clang++');
  if (!command)
    throw new ToolMissing(
      wanted ? `the C++ compiler that CXX names, ${wanted}, is missing` : 'a C++ compiler is missing',
      'Debian, Ubuntu: sudo apt-get install g++; Fedora: sudo dnf install gcc-c++',
    );
  const version = await versionLine(command, [...args, '--version']);
  return { command, args, version: [version, ...args].join(' ') };
}

/** A Python that is new enough. The first that is decides; a python3 that is too old does not hide a newer python3.x. */
export async function findPython() {
  const advice = 'Debian, Ubuntu: sudo apt-get install python3 python3-venv; Fedora: sudo dnf install python3';
  let tooOld;
  for (const name of PYTHON_NAMES) {
    const command = which(name);
    if (!command) continue;
    const version = await versionLine(command, ['-c', 'import sys; print(sys.version.split()[0], sys.executable)']);
    if (!isOlder(numbersOf(version), SUPPORTED_PYTHON)) return { command, args: [], version };
    tooOld ??= version.split(' ')[0];
  }
  throw new ToolMissing(
    `Python >= ${SUPPORTED_PYTHON.join('.')} is missing${tooOld ? ` (found ${tooOld})` : ''}`,
    advice,
  );
}

/** cargo, at least of the version that `manifest` (a Cargo.toml) names as its rust-version. */
export async function findCargo(manifest) {
  const advice =
    'https://rustup.rs; Debian, Ubuntu: sudo apt-get install rustup && rustup default stable; Fedora: sudo dnf install cargo';
  const command = which('cargo');
  if (!command) throw new ToolMissing('cargo is missing', advice);
  const version = await versionLine(command, ['--version']);
  const minimum = /^rust-version = "(.*)"/m.exec(readFileSync(manifest, 'utf8'))[1];
  if (isOlder(numbersOf(version), numbersOf(minimum)))
    throw new ToolMissing(`cargo >= ${minimum} is missing (found ${version})`, advice);
  return { command, args: [], version };
}

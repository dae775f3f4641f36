import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countCargo, countPytest, countVitest } from './counts.mjs';

/**
 * The test suites of the three languages. `command` is given a folder for what the suite writes down; `count` reads the
 * counts from there, or from the suite's standard output.
 */
export const SUITES = [
  {
    name: 'vitest',
    command: (folder) => [
      'node_modules/.bin/vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${join(folder, 'vitest.json')}`,
    ],
    count: ({ folder }) => countVitest(readFileSync(join(folder, 'vitest.json'), 'utf8')),
  },
  {
    name: 'pytest',
    half: 'python',
    command: (folder) => [
      'python-peer/.venv/bin/python',
      '-m',
      'pytest',
      '--rootdir',
      'python-peer',
      '-c',
      'python-peer/pyproject.toml',
      `--junitxml=${join(folder, 'pytest.xml')}`,
      'python-peer',
    ],
    count: ({ folder }) => countPytest(readFileSync(join(folder, 'pytest.xml'), 'utf8')),
  },
  {
    name: 'cargo test',
    half: 'rust',
    command: () => [
      'cargo',
      'test',
      '--release',
      '--locked',
      '--no-fail-fast',
      '--jobs',
      '2',
      '--manifest-path',
      'rust-peer/Cargo.toml',
    ],
    count: ({ stdout }) => countCargo(stdout),
  },
];

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildAddon, COMPILE_FLAGS } from './addon.mjs';
import { run } from './command.mjs';
import { buildDist } from './dist.mjs';
import { buildVenv } from './python.mjs';
import { findCargo, findCompiler, findNpm, findPython } from './tools.mjs';

/** What package.json asks for; its other fields change nothing of what is installed. */
function dependenciesOf(root) {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return { dependencies, devDependencies, peerDependencies };
}

/** package.json names the platform of the addon that is packed; a checkout builds its own for whatever Linux it is on. */
const platformArguments = () =>
  process.arch === 'x64' && process.report.getReport().header.glibcVersionRuntime ? [] : ['--force'];

/**
 * What set-up consists of. `after` names the steps that come before; `half` is the part of Arrowlab that is left out when the
 * step's tool is missing (without one, nothing works); `output` is the folder that holds the stamp, `product` a file that has
 * to be there too; `inputs` are the files and folders it is made from (those of their files that match `only`), `settings`
 * what else it depends on.
 */
export const STEPS = [
  {
    name: 'npm packages',
    after: [],
    findTool: () => findNpm(),
    inputs: ['package-lock.json', '.npmrc'],
    settings: dependenciesOf,
    output: 'node_modules',
    product: 'node_modules/.package-lock.json',
    run: ({ root, tool, signal }) =>
      run(
        tool.command,
        [...tool.args, 'ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', ...platformArguments()],
        { cwd: root, signal },
      ),
  },
  {
    name: 'addon',
    after: ['npm packages'],
    findTool: () => findCompiler(),
    only: /\.(cc|h|json)$/,
    inputs: ['native', 'node_modules/node-addon-api/package.json', 'node_modules/node-api-headers/package.json'],
    settings: () => COMPILE_FLAGS,
    output: 'native/build',
    product: 'native/build/arrowlab.node',
    run: ({ root, tool, signal }) => buildAddon(root, tool, signal),
  },
  {
    name: 'TypeScript',
    after: ['npm packages'],
    findTool: () => ({}), // it is among the npm packages
    only: /\.(ts|json)$/,
    inputs: ['src', 'native/index.d.ts', 'tsconfig.json', 'package-lock.json'],
    output: 'dist',
    product: 'dist/index.js',
    run: ({ root, signal }) => buildDist(root, signal),
  },
  {
    name: 'Python peer',
    half: 'python',
    after: [],
    findTool: () => findPython(),
    inputs: ['python-peer/pyproject.toml'],
    settings: (root) => root, // the paths in it are absolute
    output: 'python-peer/.venv',
    product: 'python-peer/.venv/bin/python',
    run: ({ root, tool, signal }) => buildVenv(root, tool, signal),
  },
  {
    name: 'Rust peer',
    half: 'rust',
    after: [],
    findTool: ({ root }) => findCargo(join(root, 'rust-peer/Cargo.toml')),
    inputs: ['rust-peer'],
    output: 'rust-peer/target',
    product: 'rust-peer/target/release/arrowlab-peer',
    // All targets, so that `cargo test` has nothing left to compile.
    run: ({ root, tool, signal }) =>
      run(tool.command, ['build', '--release', '--locked', '--all-targets', '--jobs', '2'], {
        cwd: join(root, 'rust-peer'),
        signal,
      }),
  },
];

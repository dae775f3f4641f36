import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';

/** How every C++ source of the addon is compiled; headers that are not ours are system headers, so that warnings are ours alone. */
export const COMPILE_FLAGS = [
  '-std=c++17',
  '-O2',
  '-fPIC',
  '-pthread',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DNAPI_VERSION=8',
  '-DNODE_ADDON_API_CPP_EXCEPTIONS',
  '-isystem',
  'node_modules/node-api-headers/include',
  '-isystem',
  'node_modules/node-addon-api',
];

/** All C++ sources of the addon, from the root; together they are one shared object. */
export const sourcesOf = (root) =>
  readdirSync(join(root, 'native'))
    .filter((name) => name.endsWith('.cc'))
    .sort()
    .map((name) => `native/${name}`);

/** Compiles native/*.cc into native/build/arrowlab.node, which changes at one moment: a process that has it loaded keeps the old one. */
export async function buildAddon(root, compiler, signal) {
  const product = join(root, 'native/build/arrowlab.node');
  const unfinished = `${product}.${process.pid}`;
  mkdirSync(join(root, 'native/build'), { recursive: true });
  await run(compiler.command, [...compiler.args, ...COMPILE_FLAGS, '-shared', ...sourcesOf(root), '-o', unfinished], {
    cwd: root,
    signal,
  });
  renameSync(unfinished, product);
}

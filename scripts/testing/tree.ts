import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { which } from '../setup/tools.mjs';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['package.json', 'package-lock.json', '.npmrc', 'biome.json', 'tsconfig.json', 'vitest.config.ts'];
/** The smallest program of each kind that set-up can build. */
const SOURCES = {
  'src/index.ts': 'export const answer = 42;\n',
  'src/cli/alab.ts': "#!/usr/bin/env node\nconsole.log('alab');\n",
  'native/addon.cc': '#include <node_api.h>\nNAPI_MODULE_INIT() { (void)env; return exports; }\n',
  'native/index.d.ts': 'export {};\n',
  'python-peer/pyproject.toml': '[project]\nname = "arrowlab"\nversion = "0.1.0"\n',
  'rust-peer/Cargo.toml':
    '[package]\nname = "arrowlab-peer"\nversion = "0.1.0"\nedition = "2021"\nrust-version = "1.60"\n',
  'rust-peer/Cargo.lock': 'version = 3\n\n[[package]]\nname = "arrowlab-peer"\nversion = "0.1.0"\n',
  'rust-peer/src/main.rs': 'fn main() {}\n',
};
/** What every tree has on its PATH; compilers call the assembler and the linker by name. */
const ALWAYS = ['node', 'npm', 'sh', 'cat', 'sleep', 'as', 'ld'];

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A small project in a temporary folder, with this checkout's scripts and installed packages, and a PATH of its own. */
export class Tree {
  readonly root = mkdtempSync(join(tmpdir(), 'arrowlab-tree-'));
  readonly #bin = join(this.root, 'bin');

  /** @param tools what is on PATH besides the most basic programs */
  constructor(...tools: string[]) {
    for (const name of COPIED) cpSync(join(checkout, name), join(this.root, name));
    cpSync(join(checkout, 'scripts'), join(this.root, 'scripts'), {
      recursive: true,
      filter: (path) => !/\.test\.ts$|testing$/.test(path),
    });
    for (const [path, text] of Object.entries(SOURCES)) this.write(path, text);
    mkdirSync(join(this.root, 'node_modules'));
    for (const name of readdirSync(join(checkout, 'node_modules')).filter((entry) => !entry.startsWith('.cache')))
      symlinkSync(join(checkout, 'node_modules', name), join(this.root, 'node_modules', name));
    mkdirSync(this.#bin);
    for (const tool of [...ALWAYS, ...tools])
      symlinkSync(tool === 'node' ? process.execPath : which(tool)!, join(this.#bin, tool));
  }

  /** Puts a shell script on PATH in the place of a tool. */
  fake(tool: string, script: string): void {
    this.write(`bin/${tool}`, `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.#bin, tool), 0o755);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  remove(path: string): void {
    rmSync(join(this.root, path));
  }

  /** Starts node with these arguments at the root, with nothing of this process's environment but HOME. */
  start(args: string[], env: NodeJS.ProcessEnv = {}) {
    return spawn(process.execPath, args, {
      cwd: this.root,
      env: { HOME: process.env.HOME, PATH: this.#bin, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs node with these arguments to its end. */
  async node(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child = this.start(args, env);
    const outcome: Outcome = { exitCode: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      outcome.stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      outcome.stderr += chunk;
    });
    [outcome.exitCode] = await once(child, 'close');
    return outcome;
  }

  setup(env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.node(['scripts/setup.mjs'], env);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findExecutable } from '../../sidecar/executable.js';

/** What npm and pip need of this machine's environment to reach their registries and caches. */
const KEPT = /^(HOME|LANG|(https?|no)_proxy|npm_config_(registry|cache)|PIP_.*|SSL_CERT_.*|NODE_EXTRA_CA_CERTS)$/i;

/** A folder with nothing in it, and a PATH that has nothing but the programs named. Programs run in it without this process's environment. */
export class EmptyFolder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'arrowlab-empty-')));
  readonly #bin = mkdtempSync(join(tmpdir(), 'arrowlab-bin-'));
  readonly #env = Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name)));

  constructor(...programs: string[]) {
    for (const program of programs) this.link(program, findExecutable(program)!);
    this.link('node', process.execPath);
  }

  /** Puts a program on PATH. */
  link(name: string, program: string): void {
    symlinkSync(program, join(this.#bin, name));
  }

  /** Puts a shell script on PATH; returns its path. */
  script(name: string, body: string): string {
    const path = join(this.#bin, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return path;
  }

  /** Takes away what `script` put there. */
  remove(path: string): void {
    rmSync(path);
  }

  write(name: string, text: string): void {
    mkdirSync(join(this.path, name, '..'), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** Runs a program to its end; what it says and its exit code, whatever they are. */
  run(program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    return execa(program, args, {
      cwd: this.path,
      env: { ...this.#env, ...env, PATH: this.#bin },
      extendEnv: false,
      reject: false,
    });
  }

  [Symbol.dispose](): void {
    for (const folder of [this.path, this.#bin]) rmSync(folder, { recursive: true, force: true });
  }
}

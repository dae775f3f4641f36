import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { findPython } from '../../sidecar/index.js';

const ASK_FOLDER = 'import sysconfig; print(sysconfig.get_path("purelib"))';
const folderOf = async (python: string) => (await execa(python, ['-c', ASK_FOLDER])).stdout;

/** A fresh virtual environment with pip. */
export class Venv {
  private constructor(
    readonly path: string,
    readonly python: string,
    private readonly packages: string,
  ) {}

  static async make(path: string): Promise<Venv> {
    await execa(findPython().command, ['-m', 'venv', path]);
    const python = join(path, 'bin/python');
    return new Venv(path, python, await folderOf(python));
  }

  /** Installs pyarrow by linking it, with what pip knows of it, from the environment of the checkout: no download. */
  linkPyarrow(): Promise<void> {
    return this.link((entry) => /^pyarrow\b/.test(entry));
  }

  /** The same of everything else there but this project itself. */
  linkOthers(): Promise<void> {
    return this.link((entry) => !/arrowlab|\.pth$|^__pycache__$/.test(entry));
  }

  private async link(isWanted: (entry: string) => boolean): Promise<void> {
    const from = await folderOf(findPython().command);
    const present = new Set(readdirSync(this.packages));
    for (const entry of readdirSync(from).filter((name) => isWanted(name) && !present.has(name)))
      symlinkSync(join(from, entry), join(this.packages, entry));
  }

  /** `pip install` of one file, from nowhere but this machine. */
  pip(file: string) {
    return execa(this.python, ['-m', 'pip', 'install', '--no-index', file]);
  }
}

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The tarball that `npm run pack` makes of this checkout, in a folder of its own. */
export class Tarball {
  private constructor(
    readonly path: string,
    private readonly folder: string,
    /** What the packing said, by line. */
    readonly said: string[],
  ) {}

  static async pack(): Promise<Tarball> {
    const folder = mkdtempSync(join(tmpdir(), 'arrowlab-packed-'));
    try {
      const { stdout } = await execa('npm', ['run', 'pack', '--silent', '--', folder], { cwd: root });
      return new Tarball(join(folder, readdirSync(folder)[0]!), folder, stdout.split('\n'));
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAddon, sourcesOf } from '../setup/addon.mjs';
import { CommandFailed, run } from '../setup/command.mjs';
import { countVitest } from '../test/counts.mjs';

const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g'];
const FINDING = 'finding';
/** What a test needs of a checkout; the addon is the tree's own, the rest is shared. */
const COPIED = ['src', 'dist', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
const SHARED = ['node_modules', 'python-peer', 'rust-peer', 'scripts'];

/** A copy of the checkout, in a folder of its own, whose addon tells of every wrong access to memory. */
export class SanitizedTree {
  #root;
  #folder = mkdtempSync(join(tmpdir(), 'arrowlab-sanitize-'));
  #preload;

  constructor(root) {
    this.#root = root;
    for (const name of COPIED) cpSync(join(root, name), join(this.#folder, name), { recursive: true });
    for (const name of SHARED) symlinkSync(join(root, name), join(this.#folder, name));
    mkdirSync(join(this.#folder, 'native'));
    const headers = readdirSync(join(root, 'native')).filter((name) => /\.(h|d\.ts)$/.test(name));
    for (const path of [...sourcesOf(root), ...headers.map((name) => `native/${name}`)])
      cpSync(join(root, path), join(this.#folder, path));
  }

  async build({ command, args }) {
    await buildAddon(this.#folder, { command, args: [...args, ...SANITIZERS] });
    // Node brings its own C++ library along: the sanitizer looks for the shared one when it starts.
    const libraries = ['libasan.so', 'libubsan.so', 'libstdc++.so.6'];
    const paths = await Promise.all(libraries.map((name) => run(command, [...args, `-print-file-name=${name}`])));
    this.#preload = paths.map((path) => path.trim()).join(' ');
  }

  /** Runs Node tests; resolves to how many passed. Throws where one fails or the sanitizer found something in any process. */
  async test(paths) {
    const results = join(this.#folder, 'vitest.json');
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--testTimeout=180000',
      '--reporter=json',
      `--outputFile=${results}`,
    ];
    // Leaks are looked for apart: the tests also start Python, which never frees all it has.
    await this.#run([...args, ...paths], 'detect_leaks=0');
    const { passed, skipped } = countVitest(readFileSync(results, 'utf8'));
    if (passed === 0 || skipped > 0)
      throw new Error(`expected tests that all run, found ${passed} passed and ${skipped} skipped`);
    return `${passed} tests`;
  }

  /** Runs a program that uses all of the addon and ends, after which nothing may be left that the addon allocated. */
  async findLeaks() {
    await this.#run([join(this.#root, 'scripts/sanitize/uses.mjs'), this.#folder], 'detect_leaks=1:exitcode=0');
    return 'nothing left that the addon allocated';
  }

  remove() {
    rmSync(this.#folder, { recursive: true });
  }

  async #run(args, options) {
    const env = {
      ...process.env,
      LD_PRELOAD: this.#preload,
      ASAN_OPTIONS: `${options}:log_path=${join(this.#folder, FINDING)}:abort_on_error=0`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${join(this.#folder, FINDING)}`,
    };
    const failure = await run(process.execPath, args, { cwd: this.#folder, env }).then(
      () => undefined,
      (error) => error,
    );
    const found = this.#findings();
    if (found.length > 0)
      throw new CommandFailed('the sanitizer', `has findings: ${found.length}`, found.join('\n\n').slice(0, 8_000));
    if (failure) throw failure;
  }

  /** What the sanitizers wrote about any process; of memory that was left, what was not allocated by Node for itself. */
  #findings() {
    const isLeak = (paragraph) => /^(In)?[Dd]irect leak of /.test(paragraph);
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(FINDING))
      .flatMap((name) => {
        const text = readFileSync(join(this.#folder, name), 'utf8');
        if (!text.includes('LeakSanitizer: detected')) return [text];
        return text
          .split('\n\n')
          .filter((paragraph) => isLeak(paragraph) && / native\/|arrowlab\.node/.test(paragraph));
      });
  }
}

import { afterEach, expect, test } from 'vitest';
import { type Outcome, Tree } from './testing/tree.js';

const HALVES = 'node_modules/.cache/arrowlab/halves.json';
const LEFT_OUT = { python: 'Python is missing', rust: 'cargo is missing' };
let tree: Tree;
afterEach(() => tree[Symbol.dispose]());

function plant(...tools: string[]): void {
  tree = new Tree(...tools);
  tree.write(HALVES, JSON.stringify(LEFT_OUT));
  tree.write('src/index.test.ts', suite('expect(1).toBe(1)'));
}

const suite = (body: string, modifier = '') =>
  `import { expect, test } from 'vitest';\n\ntest${modifier}('one', () => {\n  ${body};\n});\n`;
const lastLine = ({ stdout }: Outcome): string => stdout.slice(stdout.lastIndexOf('\n', stdout.length - 2) + 1);
const run = (script = 'scripts/test.mjs'): Promise<Outcome> => tree.node([script]);

test('what passes ends with the counts and exit code 0; what is left out is named above', async () => {
  plant();
  const outcome = await run();
  expect(lastLine(outcome)).toBe('2 passed, 0 failed\n'); // biome and one test
  expect(outcome.stdout).toContain('the rust peer is left out: cargo is missing\n');
  expect(outcome.exitCode).toBe(0);
});

test('a failed linter does not keep the tests from running', async () => {
  plant();
  tree.write('src/unformatted.ts', 'export  const answer=42');
  const outcome = await run();
  expect(outcome.stdout).toContain('biome: failed\n');
  expect(lastLine(outcome)).toBe('1 passed, 1 failed\n');
  expect(outcome.exitCode).toBe(1);
  expect(lastLine(await run('scripts/lint.mjs'))).toBe('0 passed, 1 failed\n');
});

test('a failed test, and a file that does not load, are counted', async () => {
  plant();
  tree.write('src/failing.test.ts', suite('expect(1).toBe(2)'));
  tree.write('src/broken.test.ts', "throw new Error('on loading');\n");
  const outcome = await run();
  expect(lastLine(outcome)).toBe('2 passed, 2 failed\n');
  expect(outcome.exitCode).toBe(1);
});

test('a skipped test is a failure where nothing is left out', async () => {
  plant('cargo', 'rustc', 'cc', 'rustfmt');
  tree.write(HALVES, JSON.stringify({ python: LEFT_OUT.python, rust: null }));
  tree.write('src/skipped.test.ts', suite('expect(1).toBe(1)', '.skip'));
  tree.write('rust-peer/src/main.rs', 'fn main() {}\n\n#[test]\n#[ignore]\nfn later() {}\n\n#[test]\nfn now() {}\n');
  const outcome = await run();
  expect(outcome.stdout).toContain('vitest: 1 skipped, for want of the peers that are left out\n');
  expect(outcome.stdout).toContain('cargo test: 1 skipped, for want of the peers that are left out\n');
  tree.write(HALVES, JSON.stringify({ python: null, rust: null }));
  const whole = await run();
  expect(whole.stdout).toContain('vitest: 1 skipped: counted as failures\n');
  expect(whole.stdout).toContain('cargo test: 1 skipped: counted as failures\n');
  expect(whole.stdout).toContain('pytest: its results cannot be read');
  expect(whole.exitCode).toBe(1);
});

test('without a set-up there is nothing to test, and it says what to do', async () => {
  plant();
  tree.remove(HALVES);
  const { exitCode, stderr } = await run();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('run `npm run setup`');
});

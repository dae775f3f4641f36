import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Outcome, Tree } from './testing/tree.js';

const trees: Tree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree[Symbol.dispose]();
});

function plant(...tools: string[]): Tree {
  const tree = new Tree(...tools);
  trees.push(tree);
  return tree;
}

/** The names of the steps that a set-up ran. */
const stepsOf = ({ stderr }: Outcome): string[] =>
  [...stderr.matchAll(/^setup: (.*): done in/gm)].map(([, step]) => step!).sort();
const halvesOf = (tree: Tree): Record<string, string | null> =>
  JSON.parse(tree.read('node_modules/.cache/arrowlab/halves.json'));
/** A tool that has a version and then fails, after 40 lines. */
const BROKEN =
  'case "$*" in *--version*|-c*) echo "3.12.1 broken"; exit;; esac\ni=1; while [ $i -le 40 ]; do echo "line $i"; i=$((i+1)); done; exit 3';

describe('missing tools', () => {
  test('without cargo and Python the rest is set up, and what is left out is named with the way to get it', async () => {
    const tree = plant('c++');
    const outcome = await tree.setup();
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(outcome.stderr).toMatch(
      /the python peer is left out: Python >= 3\.11 is missing.*apt-get install python3.*dnf install python3/,
    );
    expect(outcome.stderr).toMatch(/the rust peer is left out: cargo is missing.*rustup/);
    expect(stepsOf(outcome)).toEqual(['TypeScript', 'addon']);
    expect(tree.has('native/build/arrowlab.node')).toBe(true);
    expect(halvesOf(tree)).toMatchObject({
      python: expect.stringMatching(/^Python >= 3\.11 is missing/),
      rust: expect.stringMatching(/^cargo is missing/),
    });
  });

  test('with CI=true a missing one is a failure', async () => {
    const outcome = await plant('c++').setup({ CI: 'true' });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(/is missing[\s\S]*to get it:/);
  });

  test('a Python that is too old counts as missing, and says which it is', async () => {
    const tree = plant('c++');
    tree.fake('python3', 'echo "3.9.2 python3"');
    const { exitCode, stderr } = await tree.setup();
    expect(exitCode).toBe(0);
    expect(stderr).toContain('Python >= 3.11 is missing (found 3.9.2)');
  });

  test('nothing works without a C++ compiler', async () => {
    const { exitCode, stderr } = await plant().setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/a C\+\+ compiler is missing\n.*apt-get install g\+\+/);
  });

  test('another platform is refused in one line', async () => {
    const pretend = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})';
    const { exitCode, stderr } = await plant('c++').node(['--import', pretend, 'scripts/setup.mjs']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^setup: Arrowlab works on Linux only, this is darwin\n/);
  });
});

describe('npm packages', () => {
  test.each([
    ['x64', false],
    ['arm64', true],
  ])(
    'on %s the platform of the packed addon does not keep a checkout from building its own',
    async (arch, isForced) => {
      const tree = plant('c++');
      tree.remove('bin/npm'); // a link to the real one, which is not to be written through
      tree.fake('npm', 'echo "$@" > npm-arguments');
      tree.remove('node_modules/.setup-stamp');
      const pretend = `data:text/javascript,Object.defineProperty(process,"arch",{value:"${arch}"})`;
      expect(await tree.node(['--import', pretend, 'scripts/setup.mjs'])).toMatchObject({ exitCode: 0 });
      const args = tree.read('npm-arguments').trim().split(' ');
      expect(args).toEqual(expect.arrayContaining(['ci', '--ignore-scripts']));
      expect(args.includes('--force')).toBe(isForced);
    },
  );
});

describe('broken tools', () => {
  test('a compiler that fails is a failure, with the last 25 lines it wrote', async () => {
    const tree = plant();
    tree.fake('c++', BROKEN);
    const { exitCode, stderr } = await tree.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/setup: addon: .*failed with exit code 3/);
    expect([...stderr.matchAll(/^ {2}line (\d+)$/gm)].map(([, line]) => Number(line))).toEqual(
      Array.from({ length: 25 }, (_, i) => i + 16),
    );
    expect(tree.has('native/build/arrowlab.node')).toBe(false);
  });

  test('CXX is honoured, with its arguments', async () => {
    const tree = plant('c++');
    tree.fake('c++-wrapper', 'echo "$1" >> wrapped; shift; exec c++ "$@"');
    const outcome = await tree.setup({ CXX: 'c++-wrapper first' });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(tree.read('wrapped')).toBe('first\nfirst\n');
  });

  test('a Python whose venv module fails is not a missing one', async () => {
    const tree = plant('c++');
    tree.fake('python3', BROKEN);
    const { exitCode, stderr } = await tree.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/setup: Python peer: .*-m venv .venv failed with exit code 3[\s\S]*line 40/);
  });

  test('a Python that cannot even tell its version is not a missing one either', async () => {
    const tree = plant('c++');
    tree.fake('python3', 'echo "no such interpreter" >&2; exit 127');
    const { exitCode, stderr } = await tree.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/setup: Python peer: .*failed with exit code 127\n {2}no such interpreter/);
  });

  test('the step that fails ends the others with all they started', async () => {
    const tree = plant();
    tree.fake('c++', 'case "$*" in *--version*) echo 1.0; exit;; esac; until [ -e pid ]; do sleep 0.1; done; exit 1');
    tree.fake(
      'cargo',
      'case "$*" in *--version*) echo "cargo 1.99.0"; exit;; esac; sleep 600 & echo $! > ../pid.new; echo > ../pid; wait',
    );
    expect(await tree.setup()).toMatchObject({ exitCode: 1 });
    const pid = Number(tree.read('pid.new'));
    while (isRunning(pid)) await sleep(20);
  });
});

describe('stamps', () => {
  test('only the step whose input changed runs again', async () => {
    const tree = plant('c++', 'cc', 'cargo', 'rustc');
    expect(stepsOf(await tree.setup())).toEqual(['Rust peer', 'TypeScript', 'addon']);
    expect(stepsOf(await tree.setup())).toEqual([]);
    const edits: [path: string, text: string, steps: string[]][] = [
      ['src/index.ts', 'export const answer = 43;\n', ['TypeScript']],
      ['native/fault.h', '', ['addon']],
      ['rust-peer/src/main.rs', 'fn main() { println!("peer"); }\n', ['Rust peer']],
      ['README.md', 'text', []],
    ];
    for (const [path, text, steps] of edits) {
      tree.write(path, text);
      expect(stepsOf(await tree.setup())).toEqual(steps);
    }
    tree.remove('native/build/arrowlab.node');
    expect(stepsOf(await tree.setup())).toEqual(['addon']);
    expect((await tree.node(['scripts/setup.mjs', '--quiet'])).stderr).toMatch(
      /^setup: the python peer is left out.*\n$/,
    );
  });

  test('what has no source any more leaves dist; what does not compile leaves dist alone and is tried again', async () => {
    const tree = plant('c++');
    tree.write('src/gone.ts', 'export {};\n');
    await tree.setup();
    expect(tree.has('dist/gone.js')).toBe(true);
    tree.remove('src/gone.ts');
    await tree.setup();
    expect(tree.has('dist/gone.js')).toBe(false);
    tree.write('src/index.ts', 'export const answer: string = 42;\n');
    for (let run = 0; run < 2; run++) {
      const { exitCode, stderr } = await tree.setup();
      expect(exitCode).toBe(1);
      expect(stderr).toContain('src/index.ts(1,14): error TS2322');
    }
    expect(tree.read('dist/index.js')).toContain('42');
  });
});

describe('lock', () => {
  const holder =
    "const { takeLock } = await import('./scripts/setup/lock.mjs'); await takeLock(process.cwd(), () => {}); console.log('held'); setInterval(() => {}, 1000);";

  test('a second set-up waits for the first, also when that is killed', async () => {
    const tree = plant('c++');
    const first = tree.start(['--input-type=module', '--eval', holder]);
    await once(first.stdout, 'data');
    const second = tree.start(['scripts/setup.mjs']);
    const [said] = await once(second.stderr.setEncoding('utf8'), 'data');
    expect(said).toBe(`setup: waiting for the set-up that already runs here (pid ${first.pid})\n`);
    expect(tree.has('dist')).toBe(false);
    second.stderr.resume();
    first.kill('SIGKILL');
    expect(await once(second, 'close')).toEqual([0, null]);
  });

  test('of many at once each does its work once', async () => {
    const tree = plant('c++');
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => tree.setup()));
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(outcomes.flatMap(stepsOf).sort()).toEqual(['TypeScript', 'addon']);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

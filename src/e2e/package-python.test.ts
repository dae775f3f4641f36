import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Float64, Int32, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Server } from '../index.js';
import { Venv } from './installing/venv.js';

const MINUTES = 60_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'python-peer/README.md'), 'utf8');

let folder: string;
let path: string;
let venv: Venv;
let server: Server;

// Nothing but the wheel, and pyarrow.
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
  path = join(folder, 'server.sock');
  await execa(process.execPath, ['scripts/pack/wheel.mjs'], { cwd: root });
  const [wheel] = readdirSync(join(root, 'python'));
  venv = await Venv.make(join(folder, 'venv'));
  await venv.linkPyarrow();
  await venv.pip(join(root, 'python', wheel!));
  server = await listen({ path });
  await server.publish('prices', new Table({ price: vectorFromArray([1.5, 2.5], new Float64()) }));
  await server.publish(
    'flights',
    new Table({
      origin: vectorFromArray(['FRA', 'ZRH', 'FRA'], new Utf8()),
      delay: vectorFromArray([10, 40, 21], new Int32()),
    }),
  );
}, 3 * MINUTES);

afterAll(async () => {
  await server?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** The README's Python programs that contain `text`, each as it stands there but for the socket's path. */
function programsWith(text: string): string[] {
  return [...readme.matchAll(/^```python\n(.*?)^```/gms)]
    .map(([, program]) => program!.replaceAll('/run/user/1000/app/arrowlab.sock', path))
    .filter((program) => program.includes(text));
}

/** What a program prints, in the environment that has the wheel, somewhere else than the checkout. */
async function run(program: string): Promise<string> {
  const { stdout } = await execa(venv.python, ['-W', 'error', '-c', program], { cwd: folder, stripFinalNewline: true });
  return stdout;
}

async function runOnly(text: string): Promise<string> {
  const programs = programsWith(text);
  expect(programs).toHaveLength(1);
  return run(programs[0]!);
}

describe('the wheel alone', () => {
  it('is all that is installed, with pyarrow', async () => {
    const { stdout } = await execa(venv.python, ['-m', 'pip', 'list', '--format=json']);
    const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => !['pip', 'setuptools'].includes(name)).sort()).toEqual(['arrowlab', 'pyarrow']);
    expect(await run('import arrowlab; print(arrowlab.__file__)')).toContain(venv.path);
    await execa(venv.python, ['-m', 'pip', 'check']);
  });

  it('has its licence and its README', async () => {
    const metadata = await run(
      'from importlib.metadata import distribution; print(distribution("arrowlab").read_text("METADATA"))',
    );
    expect(metadata).toContain('License-Expression: Apache-2.0');
    expect(metadata).toContain('License-File: LICENSE');
    expect(metadata).toContain('# arrowlab for Python');
  });

  it('reads batch by batch from a server in Node', async () => {
    const output = await runOnly('subscription.schema');
    expect(output).toMatch(/^price: double/);
    expect(output).toMatch(/^2 \[\s*1\.5,\s*2\.5\s*\]$/m);
  });

  it('reads whole streams', async () => {
    expect(await runOnly('.read_all()')).toBe("3\n['origin', 'delay']");
    expect(await runOnly('from_stream')).toBe('3');
  });

  it('names its errors', async () => {
    expect(await runOnly('except arrowlab.Timeout')).toBe('nobody publishes it: ERR_ARROWLAB_TIMEOUT');
    const errors = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(errors.length).toBeGreaterThan(3);
    expect(
      await run(
        `import arrowlab; print(all(issubclass(getattr(arrowlab, e), arrowlab.Error) for e in ${JSON.stringify(errors)}))`,
      ),
    ).toBe('True');
  });
});

describe('with what reads pyarrow', () => {
  beforeAll(() => venv.linkOthers());

  it.each([
    ['polars', [/FRA\W+15\.5/, /ZRH\W+40\.0/]],
    ['duckdb', [/FRA\W+15\.5/, /ZRH\W+40\.0/]],
    ['pandas', [/FRA\W+15\.5/, /ZRH\W+40\.0/]],
  ])('%s computes on the table', async (library, results) => {
    const output = await runOnly(`import ${library}`);
    for (const result of results) expect(output).toMatch(result);
  });

  it('and every program of the README is one of these', () => {
    expect(programsWith('import arrowlab')).toHaveLength(7);
    expect(programsWith('')).toHaveLength(7);
  });
});

import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../cli/checks/check.js';
import type { TransferReport } from '../profile/index.js';
import { EmptyFolder } from './installing/empty-folder.js';
import { Tarball } from './installing/tarball.js';
import { Venv } from './installing/venv.js';

const MINUTES = 60_000;
const checkout = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(checkout, 'node_modules/typescript/bin/tsc');

let tarball: Tarball;
let folder: EmptyFolder;
let installed: string;

// The README's way: no compiler, no cargo, no checkout.
beforeAll(async () => {
  tarball = await Tarball.pack();
  folder = new EmptyFolder('npm', 'npx', 'sh', 'env');
  installed = join(folder.path, 'node_modules/arrowlab');
  const { exitCode, all } = await folder
    .run('npm', ['install', tarball.path, 'apache-arrow@21', '--prefer-offline', '--no-audit', '--no-fund'])
    .then(({ exitCode, stdout, stderr }) => ({ exitCode, all: stdout + stderr }));
  if (exitCode !== 0) throw new Error(all);
}, 5 * MINUTES);

afterAll(() => {
  folder?.[Symbol.dispose]();
  tarball?.[Symbol.dispose]();
});

const alab = (args: string[], env: NodeJS.ProcessEnv = {}) => folder.run('npx', ['--no', 'alab', ...args], env);

async function transfer(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr, exitCode } = await alab(['ipc', 'transfer-recordbatch', '--json', ...args], env);
  const report = JSON.parse(stdout) as TransferReport & { error?: { code: string; message: string } };
  return { report, stderr, exitCode };
}

describe('the tarball', () => {
  it('has its peers and its papers, and neither sources nor tests nor packages', () => {
    const paths = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    const others = paths.filter((path) => !/^dist\/.*(\.js|\.d\.ts)$/.test(path)).sort();
    expect(others).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'PROTOCOL.md',
      'README.md',
      'native/build/arrowlab.node',
      'native/index.d.ts',
      'package.json',
      expect.stringMatching(/^python\/arrowlab-.*-py3-none-any\.whl$/),
    ]);
    expect(paths.filter((path) => /test|e2e/.test(path))).toEqual([]);
  });

  it('has one version for Node and Python, and needs nothing to be run or compiled at installing', () => {
    const { version, scripts, dependencies, os, cpu, libc } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    );
    expect(readdirSync(join(installed, 'python'))).toEqual([`arrowlab-${version}-py3-none-any.whl`]);
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
    expect(Object.keys(dependencies)).not.toContain('node-addon-api');
    expect(existsSync(join(folder.path, 'node_modules/node-addon-api'))).toBe(false);
    expect({ os, cpu, libc }).toEqual({ os: ['linux'], cpu: ['x64'], libc: ['glibc'] });
  });

  it('says what its addon needs, which is no glibc newer than its own', async () => {
    expect(tarball.said.join('\n')).toMatch(/^addon: linux-x64, Node >= 20\.20, .*glibc >= 2\.\d+/m);
    const { stdout } = await execa('objdump', ['-T', join(installed, 'native/build/arrowlab.node')]);
    expect(stdout).toMatch(/UND.*memfd_create/);
    expect(stdout).not.toMatch(/UND.*\b(fstat|lstat|__libc_single_threaded)\b/);
  });

  it('is the same bytes when it is packed again', async () => {
    using again = await Tarball.pack();
    expect(readFileSync(again.path).equals(readFileSync(tarball.path))).toBe(true);
  });
});

describe('the library', () => {
  /** Two batches there and back within one process. */
  const body = `
    const path = ${JSON.stringify('socket')};
    const server = await arrowlab.listen({ path });
    await server.publish('delays', tableFromArrays({ delay: Int32Array.of(3, 0, 12) }));
    const peer = await arrowlab.connect(path);
    const read = [];
    for await (const batch of peer.subscribe('delays')) {
      read.push(...batch.getChild('delay').toArray());
      batch.release();
    }
    const copy = await peer.readAll('delays');
    await peer.close();
    await server.close();
    console.log(JSON.stringify({ read, bytes: tableFromIPC(tableToIPC(copy)).numRows, names: Object.keys(arrowlab).sort() }));`;
  const take = 'const { tableFromArrays, tableFromIPC, tableToIPC }';

  it.each([
    ['import', 'main.mjs', `import * as arrowlab from 'arrowlab';\n${take} = await import('apache-arrow');\n${body}`],
    [
      'require',
      'main.cjs',
      `const arrowlab = require('arrowlab');\n(async () => {\n${take} = await import('apache-arrow');\n${body}\n})();`,
    ],
  ])('works by %s', async (_, name, program) => {
    folder.write(name, program);
    const { stdout, stderr, exitCode } = await folder.run('node', [name]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const { read, bytes, names } = JSON.parse(stdout);
    expect({ read, bytes }).toEqual({ read: [3, 0, 12], bytes: 3 });
    expect(names).toEqual(expect.arrayContaining(['ArrowlabError', 'connect', 'inherit', 'listen']));
  });

  it('is one module, however it is loaded', async () => {
    folder.write(
      'both.mjs',
      `import { createRequire } from 'node:module';
       import * as imported from 'arrowlab';
       const required = createRequire(import.meta.url)('arrowlab');
       console.log(Object.keys(imported).every((name) => required[name] === imported[name]));`,
    );
    expect((await folder.run('node', ['both.mjs'])).stdout).toBe('true');
  });

  it('has no top-level await in any file', async () => {
    folder.write(
      'each.cjs',
      `const { readdirSync } = require('node:fs');
       const { join } = require('node:path');
       const dist = join(__dirname, 'node_modules/arrowlab/dist');
       // Programs end by themselves, with an error; here only their loading counts.
       process.exit = () => {};
       const files = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith('.js'));
       const refused = files.filter((name) => {
         try { require(join(dist, name)); } catch (error) { return error.code === 'ERR_REQUIRE_ASYNC_MODULE'; }
       });
       process.removeAllListeners('exit').on('exit', () => {
         require('node:fs').writeFileSync('each.json', JSON.stringify({ count: files.length, refused }));
         process.exitCode = 0;
       });`,
    );
    await folder.run('node', ['each.cjs', 'doctor']);
    const { count, refused } = JSON.parse(readFileSync(join(folder.path, 'each.json'), 'utf8'));
    expect(refused).toEqual([]);
    expect(count).toBeGreaterThan(50);
  });

  it.each([
    ['an ES module', 'types/consumer.mts', "import * as arrowlab from 'arrowlab';"],
    ['a CommonJS module', 'types/consumer.cts', "import arrowlab = require('arrowlab');"],
  ])('has types for %s in TypeScript', async (_, name, start) => {
    const consumer = (rows: string) => `${start}
      import { tableFromArrays } from 'apache-arrow';
      export async function count(path: string): Promise<${rows}> {
        const server: arrowlab.Server = await arrowlab.listen({ path, maxBytes: '64MiB' });
        await server.publish('delays', tableFromArrays({ delay: Int32Array.of(3, 0, 12) }));
        const peer: arrowlab.Peer = await arrowlab.connect(path);
        let rows = 0;
        for await (const batch of peer.subscribe('delays')) {
          rows += batch.numRows;
          batch.release();
        }
        return rows;
      }`;
    const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--noEmit', '--types', 'node'];
    const compile = async (rows: string) => {
      folder.write(name, consumer(rows));
      return folder.run('node', [TSC, ...options, name]);
    };
    expect(await compile('number')).toMatchObject({ stdout: '', exitCode: 0 });
    expect((await compile('string')).stdout).toContain("Type 'number' is not assignable to type 'string'");
  });
});

describe('the command', () => {
  let venv: Venv;
  beforeAll(async () => {
    venv = await Venv.make(join(folder.path, 'a venv'));
    await venv.linkPyarrow();
  }, 2 * MINUTES);

  it('tells the command that installs the module, which does, and then hands the data over', async () => {
    const env = { VIRTUAL_ENV: venv.path };
    const { report, exitCode } = await transfer(['--peer', 'python'], env);
    expect({ exitCode, code: report.error?.code }).toEqual({ exitCode: 1, code: 'ERR_ARROWLAB_PEER_FAILED' });
    const command = /the Python module arrowlab at .*, found none: (.*)$/.exec(report.error!.message)![1]!;
    expect(command).toBe(`'${venv.python}' -m pip install ${installed}/python/${readdirSync(`${installed}/python`)}`);

    const pip = await folder.run('sh', ['-c', command], { PIP_NO_INDEX: '1' });
    expect(pip).toMatchObject({ exitCode: 0 });
    const done = await transfer(['--peer', 'python'], env);
    expect(done).toMatchObject({ exitCode: 0, report: { rows: 1_000_000, checksumsEqual: true, bytesCopied: 0 } });
    expect(done.stderr).toContain(
      'alab: the data is 1000000 synthetic rows, since vega-datasets with its real ones is not installed; --file or --rows chooses other data',
    );
    expect((await transfer(['--peer', 'python', '--rows', '1000'], env)).stderr).not.toContain('synthetic');
  });

  it.each([
    ['--python', (python: string) => ({ args: ['--python', python], env: { ARROWLAB_PYTHON: '/no/python' } })],
    ['ARROWLAB_PYTHON', (python: string) => ({ args: [], env: { ARROWLAB_PYTHON: python, VIRTUAL_ENV: '/no/venv' } })],
  ])('takes the Python that %s names before the others', async (_, choose) => {
    const { args, env } = choose(venv.python);
    expect(await transfer(['--rows', '1000', ...args], env)).toMatchObject({ exitCode: 0 });
  });

  it('takes python3 on PATH last, and says where there is none', async () => {
    const none = await transfer(['--rows', '1000']);
    expect(none.report.error?.message).toMatch(/^expected python3 on PATH, found none: .*--python or ARROWLAB_PYTHON$/);
    const python3 = folder.script('python3', `exec '${venv.python}' "$@"`);
    expect(await transfer(['--rows', '1000'])).toMatchObject({ exitCode: 0 });
    folder.remove(python3);
  });

  it.each([
    [
      'that is too old',
      '{"version": [3, 9, 2], "missing": ["arrowlab"], "isManaged": false}',
      /^expected Python >= 3\.11, found 3\.9\.2 at .*--python or ARROWLAB_PYTHON$/,
    ],
    [
      'that its distribution manages',
      '{"version": [3, 12, 1], "missing": ["arrowlab"], "isManaged": true}',
      /found none: \S+ -m venv \.venv && \.venv\/bin\/python -m pip install \S+\.whl \(and then --python \.venv\/bin\/python\)$/,
    ],
    ['that is none', 'hello', /^expected a Python interpreter at .*, found a program that says: nothing$/],
  ])('says what to do with a Python %s', async (_, says, message) => {
    const python = folder.script('odd-python', `echo '${says}'`);
    const { report, exitCode } = await transfer(['--rows', '10', '--python', python]);
    expect({ exitCode, message: report.error?.message }).toEqual({
      exitCode: 1,
      message: expect.stringMatching(message),
    });
  });

  it('says how to get the Rust peer, and hands over to Node without any of them', async () => {
    const { report } = await transfer(['--rows', '1000', '--peer', 'rust']);
    expect(report.error).toMatchObject({
      code: 'ERR_ARROWLAB_PEER_FAILED',
      message: expect.stringContaining('cargo install --path rust-peer'),
    });
    expect(await transfer(['--rows', '1000', '--peer', 'node'])).toMatchObject({ exitCode: 0 });
  });

  it('has a doctor that finds what is there and says what is not', async () => {
    const doctor = async (env: NodeJS.ProcessEnv) => {
      const { stdout, exitCode } = await alab(['doctor', '--json'], env);
      const { checks } = JSON.parse(stdout) as { checks: Check[] };
      return { exitCode, check: (name: string) => checks.find((each) => each.name === name)! };
    };
    const { exitCode, check } = await doctor({ VIRTUAL_ENV: venv.path });
    expect(exitCode).toBe(0);
    for (const name of ['native addon', 'handshake', 'apache-arrow', 'Python peer'])
      expect(check(name)).toMatchObject({ status: 'ok' });
    expect(check('Rust peer')).toMatchObject({
      status: 'missing',
      found: expect.stringContaining('cargo install --path rust-peer'),
    });
    const without = (await doctor({ ARROWLAB_PYTHON: process.execPath })).check('Python peer');
    expect(without).toMatchObject({
      status: 'missing',
      advice: expect.stringContaining(`${installed}/python/arrowlab-`),
    });
  });
});

describe('on another platform', () => {
  const LISTEN = `import('arrowlab').then(({ listen }) => listen({ path: 'socket' })).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;

  it('another system is refused by name, with what is supported', async () => {
    const pretend = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})';
    const { stdout } = await folder.run('node', ['--import', pretend, '--eval', LISTEN]);
    const { code, message } = JSON.parse(stdout);
    expect(code).toBe('ERR_ARROWLAB_NATIVE_MISSING');
    expect(message).toMatch(/supports Linux x64 with glibc >= 2\.28, and this is darwin /);
  });

  it.each([
    ['does not load', (addon: string) => writeFileSync(addon, 'an addon for something else')],
    ['is not there', (addon: string) => renameSync(addon, `${addon}.gone`)],
  ])('an addon that %s is refused by name, with what is supported', async (_, spoil) => {
    const addon = join(installed, 'native/build/arrowlab.node');
    cpSync(addon, `${addon}.good`);
    try {
      spoil(addon);
      const { code, message } = JSON.parse((await folder.run('node', ['--eval', LISTEN])).stdout);
      expect(code).toBe('ERR_ARROWLAB_NATIVE_MISSING');
      expect(message).toContain(addon);
      expect(message).toMatch(/supports Linux x64 with glibc >= 2\.28, and this is linux x64 with glibc 2\.\d+/);
    } finally {
      renameSync(`${addon}.good`, addon);
    }
  });
});

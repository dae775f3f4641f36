import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { Check } from './checks/check.js';

const ALAB = fileURLToPath(new URL('../../dist/cli/alab.js', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const alab = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  execa(process.execPath, [ALAB, ...args], { env, reject: false });

async function doctor(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { stdout, exitCode } = await alab(['doctor', '--json', ...args], env);
  const { isReady, checks } = JSON.parse(stdout) as { isReady: boolean; checks: Check[] };
  return { exitCode, isReady, checks, check: (name: string) => checks.find((each) => each.name === name)! };
}

describe('command line', () => {
  test('--version', async () => {
    expect(await alab(['--version'])).toMatchObject({ exitCode: 0, stdout: version });
  });

  test.each([
    [[]],
    [['ipc']],
    [['ipc', 'publish']],
    [['ipc', 'read']],
    [['ipc', 'list']],
    [['ipc', 'status']],
    [['doctor']],
  ])('%j --help shows an example', async (command) => {
    const { exitCode, stdout } = await alab([...command, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Usage: alab');
    if (command.join() !== 'ipc') expect(stdout).toMatch(/Examples?:\n {2}alab /);
  });

  test.each([
    [['docter'], 'doctor'],
    [['ipc', 'transfer-recordbatc'], 'transfer-recordbatch'],
    [['doctor', '--jsn'], '--json'],
  ])('%j is refused with a suggestion and exit code 2', async (args, suggestion) => {
    const { exitCode, stdout, stderr } = await alab(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^alab: unknown/);
    expect(stderr).toContain(`(Did you mean ${suggestion}?)`);
  });

  test('no command at all shows the help, with exit code 2', async () => {
    const { exitCode, stderr } = await alab([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: alab');
  });

  test('with --json an error is one object on standard output, with exit code 1', async () => {
    const { exitCode, stdout, stderr } = await alab(['doctor', '--json', 'superfluous']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'ERR_ARROWLAB_INVALID_ARGUMENT', message: expect.stringContaining('too many arguments') },
    });
  });

  test('a reader that goes away is no error', async () => {
    const { stdout, stderr } = await execa('bash', [
      '-c',
      `"${process.execPath}" "${ALAB}" doctor | true; echo "\${PIPESTATUS[0]}"`,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: '0', stderr: '' });
  });
});

describe('doctor', () => {
  test('tries out the bridge on this machine and says that it works', async () => {
    const { exitCode, isReady, checks, check } = await doctor();
    expect({ exitCode, isReady }).toEqual({ exitCode: 0, isReady: true });
    for (const name of ['native addon', 'shared memory', 'handshake', 'isolation', 'Node', 'apache-arrow'])
      expect(check(name)).toMatchObject({ status: 'ok', isRequired: true });
    for (const { status, advice } of checks) expect(advice !== undefined).toBe(status !== 'ok');
  });

  test('a Python without the module is missing, with what to do, and the bridge works without it', async () => {
    const { exitCode, check } = await doctor(['--python', '/bin/false']);
    expect(exitCode).toBe(0);
    expect(check('Python peer')).toMatchObject({
      status: 'missing',
      isRequired: false,
      found: expect.stringContaining('--python'),
      advice: expect.stringMatching(/pip install|Python >= 3.11 is missing/),
    });
  });

  test.each([
    ['ARROWLAB_PYTHON', { ARROWLAB_PYTHON: '/bin/false', VIRTUAL_ENV: '/no/venv' }],
    ['VIRTUAL_ENV', { ARROWLAB_PYTHON: '', VIRTUAL_ENV: '/no/venv' }],
  ])('%s names the Python', async (source, env) => {
    expect((await doctor([], env)).check('Python peer').found).toContain(source);
  });

  test('a file size limit below the smallest region is found, and not died of', async () => {
    const { stdout } = await execa('bash', [
      '-c',
      `ulimit -f 100; "${process.execPath}" "${ALAB}" doctor --json; echo $?`,
    ]);
    const [json, exitCode] = stdout.split('\n') as [string, string];
    expect(exitCode).toBe('1');
    const missing = (JSON.parse(json) as { checks: Check[] }).checks.filter(
      ({ status, isRequired }) => isRequired && status === 'missing',
    );
    expect(missing.map(({ name }) => name)).toEqual(['file size', 'shared memory']);
  });

  test('people get a line for each check and a last one that says it all', async () => {
    const { stdout } = await alab(['doctor']);
    expect(stdout).toMatch(/^ok +handshake +\S/m);
    expect(stdout).toMatch(/\nThe bridge works on this machine\.$/);
  });
});

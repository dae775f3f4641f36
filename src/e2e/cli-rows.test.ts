import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { findPython } from '../sidecar/index.js';
import { alab, shell } from './alab.js';
import { useBridge } from './bridge.js';

const bridge = useBridge();
const read = (...args: string[]) => alab('ipc', 'read', '--socket', bridge.path, ...args);
const at = (name: string) => join(bridge.folder, name);

/** The output of a Python program that stands beside the tests. */
async function python(program: string, ...args: string[]): Promise<string> {
  const { command, args: first } = findPython();
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { stdout, stderr } = await execa(command, [...first, path, ...args], { reject: false });
  return stdout || stderr;
}

describe('every value of every type', () => {
  it('is in the JSON lines as --help says', async () => {
    await python('cli_rows.py', 'write', at('edges.arrows'));
    const server = await bridge.serve();
    await server.publishIpc('edges', readFileSync(at('edges.arrows')));
    const { stdout, exitCode } = await read('--json');
    expect(exitCode).toBe(0);
    writeFileSync(at('lines'), stdout);
    expect(await python('cli_rows.py', 'compare', at('edges.arrows'), at('lines'))).toBe('equal');
    // A comparison that cannot fail proves nothing.
    writeFileSync(at('lines'), stdout.replace('9223372036854775807', '9223372036854775806'));
    expect(await python('cli_rows.py', 'compare', at('edges.arrows'), at('lines'))).toContain('expected');
  });

  it.each([
    ['node-types.arrows', ['copy.arrow', 'copy.arrows']],
    ['node-small.arrow', ['copy.arrow', 'copy.arrows']],
    ['deltas.arrows', ['copy.arrows']], // it replaces a dictionary, which a file cannot
  ])('of %s arrives in %j and on standard output', async (name, outputs) => {
    await python('every_type.py', 'write', bridge.folder);
    const server = await bridge.serve();
    await server.publishIpc('types', readFileSync(at(name)));
    for (const output of outputs) {
      expect((await read('--output', at(output))).exitCode).toBe(0);
      expect(await python('every_type.py', 'compare', at(name), at(output))).toBe('equal');
    }
    const { exitCode } = await shell(`alab ipc read --socket ${bridge.path} types --output - > ${at('piped.arrows')}`);
    expect(exitCode).toBe(0);
    expect(await python('every_type.py', 'compare', at(name), at('piped.arrows'))).toBe('equal');
  });
});

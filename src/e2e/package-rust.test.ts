import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Float64, Int32, Table, vectorFromArray } from 'apache-arrow';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Server } from '../index.js';
import { installed } from './installed.js';

const MINUTES = 60_000;
const crate = fileURLToPath(new URL('../../rust-peer', import.meta.url));
const readme = readFileSync(join(crate, 'README.md'), 'utf8');
/** As the crate's own, so that what is compiled already is used again. */
const PROFILE = /^\[profile\.release\]\n(?:.+\n)+/m.exec(readFileSync(join(crate, 'Cargo.toml'), 'utf8'))![0];
const NAME = 'arrowlab-readme';
const target = join(crate, 'target');
/** Always the same path, since cargo keeps what it compiled for each. */
const project = join(target, NAME);

let folder: string;
let path: string;
let server: Server;

const cargo = (...args: string[]) => execa('cargo', args, { cwd: project, env: { CARGO_TARGET_DIR: target } });

describe.skipIf(!installed.rust)('the crate, added to another by its path', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
    path = join(folder, 'server.sock');
    rmSync(project, { recursive: true, force: true });
    mkdirSync(project);
    await cargo('init', '--quiet', '--vcs', 'none', '--name', NAME);
    await cargo('add', '--quiet', '--offline', 'arrowlab', '--path', crate);
    appendFileSync(join(project, 'Cargo.toml'), `\n${PROFILE}`);
    cpSync(join(crate, 'Cargo.lock'), join(project, 'Cargo.lock'));
    server = await listen({ path });
    await server.publish('prices', new Table({ price: vectorFromArray([1.5, 2.5], new Float64()) }));
    await server.publish('flights', new Table({ delay: vectorFromArray([10, 40, 21], new Int32()) }));
  }, MINUTES);

  afterAll(async () => {
    await server?.close();
    if (folder) rmSync(folder, { recursive: true });
    rmSync(project, { recursive: true, force: true });
  });

  it.each([
    ['reads a stream batch by batch, and another whole', 'peer.subscribe', '2 rows\n1 batches'],
    ['names its errors', 'Error::Timeout', 'nobody publishes it: ERR_ARROWLAB_TIMEOUT'],
  ])(
    'does what the README says: %s',
    async (_, text, output) => {
      const programs = [...readme.matchAll(/^```rust,no_run\n(.*?)^```/gms)]
        .map(([, program]) => program!)
        .filter((program) => program.includes(text));
      expect(programs).toHaveLength(1);
      writeFileSync(join(project, 'src/main.rs'), programs[0]!.replace('/run/user/1000/arrowlab.sock', path));
      await cargo('build', '--quiet', '--release', '--offline', '--jobs', '2');
      expect((await execa(join(target, 'release', NAME))).stdout).toBe(output);
    },
    10 * MINUTES,
  );
});

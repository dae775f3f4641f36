// `node scripts/sanitize/rust.mjs`: the Rust peer's unsafe parts under Miri, over heap memory, and the whole of it under AddressSanitizer,
// over real maps and sockets. Both need a nightly toolchain; where it is missing, this fails and says how to get it. One line a part.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailed, run } from '../setup/command.mjs';

const cwd = fileURLToPath(new URL('../../rust-peer', import.meta.url));
const TOOLCHAIN = process.env.ARROWLAB_NIGHTLY ?? 'nightly';
const INSTALL = `rustup toolchain install ${TOOLCHAIN} --profile minimal --component miri --component rust-src`;

/** Tests over maps, sockets and damaged messages. Those of limits are left out: AddressSanitizer needs the address space itself. */
const TESTS = ['corrupted', 'hostile_frames', 'hostile_hello', 'leaks', 'map', 'producer_gone', 'streams', 'waiting'];

const targetDir = (name) => ['--target-dir', join(cwd, 'target', name)];
const cargo = (args, env = {}) =>
  run('cargo', [`+${TOOLCHAIN}`, ...args], { cwd, env: { ...process.env, RUSTFLAGS: '', ...env } });

/** Does a part and says how it ended; `work` gives the output of `cargo test`. */
async function verdict(name, work) {
  try {
    const output = await work();
    const passed = [...output.matchAll(/^test result: ok\. (\d+) passed/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    if (passed === 0) throw new CommandFailed(name, 'ran no test', output);
    console.log(`sanitize: Rust, ${name}: ok`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`sanitize: Rust, ${name}: FAILED: ${error.message}`);
    if (error instanceof CommandFailed) console.log(error.tail);
  }
}

async function host() {
  const output = await run('rustc', [`+${TOOLCHAIN}`, '-vV'], { cwd });
  return /^host: (.+)$/m.exec(output)[1];
}

async function main() {
  let target;
  try {
    target = await host();
    await cargo(['miri', '--version']);
  } catch (error) {
    process.exitCode = 1;
    console.log(
      `sanitize: Rust: FAILED: expected the toolchain ${TOOLCHAIN} with Miri, found: ${error.message}: ${INSTALL}`,
    );
    return;
  }
  await verdict('Miri', () =>
    cargo(['miri', 'test', '--locked', '--lib', '-j2', ...targetDir('miri')], {
      MIRIFLAGS: '-Zmiri-disable-isolation',
    }),
  );
  await verdict('AddressSanitizer', () => {
    const tests = TESTS.flatMap((test) => ['--test', test]);
    const args = ['test', '--locked', '-j2', '--target', target, ...targetDir('asan'), ...tests];
    // The decoder tries an allocation that a damaged message asks for: it has to be refused as the system refuses it.
    return cargo(args, { RUSTFLAGS: '-Zsanitizer=address', ASAN_OPTIONS: 'allocator_may_return_null=1' });
  });
}

await main();

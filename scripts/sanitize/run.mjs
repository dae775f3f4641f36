// `npm run test:sanitize`: what is not memory-safe by its language, under tools that see it go wrong. One line a part.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandFailed, run } from '../setup/command.mjs';
import { findCompiler } from '../setup/tools.mjs';
import { SanitizedTree } from './tree.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rust = fileURLToPath(new URL('./rust.mjs', import.meta.url));

/** The Node tests that exercise native code. */
const TESTS = [
  'src/region/region.test.ts',
  'src/bridge/incoming.test.ts',
  'src/bridge/window.test.ts',
  'src/wire/connection.test.ts',
  ...['hello', 'hostile', 'hostile-producer', 'quarantine', 'regressions', 'shared-extent', 'workers'].map(e2e),
  ...['tables', 'streams', 'subscriptions', 'leased-batches'].map((name) => e2e(`node-${name}`)),
];

function e2e(name) {
  return `src/e2e/${name}.test.ts`;
}

/** Does a part and says how it ended. */
async function verdict(name, work) {
  try {
    console.log(`sanitize: ${name}: ok (${await work()})`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`sanitize: ${name}: FAILED: ${error.message}`);
    if (error instanceof CommandFailed) console.log(error.tail);
  }
}

const missing = TESTS.filter((path) => !existsSync(`${root}${path}`));
if (missing.length > 0) throw new Error(`expected the tests ${TESTS.join(', ')}, found none at ${missing.join(', ')}`);

const tree = new SanitizedTree(root);
try {
  await tree.build(await findCompiler());
  await verdict('addon, AddressSanitizer and UndefinedBehaviorSanitizer', () => tree.test(TESTS));
  await verdict('addon, LeakSanitizer', () => tree.findLeaks());
} finally {
  tree.remove();
}
if (existsSync(rust))
  await verdict('Rust', () => run(process.execPath, [rust], { cwd: root }).then(() => 'its own verdicts'));

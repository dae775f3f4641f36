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
  ...[
    'hello',
    'hostile',
    'hostile-producer',
    'node-to-node',
    'quarantine',
    'regressions',
    'shared-extent',
    'workers',
  ].map((name) => `src/e2e/${name}.test.ts`),
];

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

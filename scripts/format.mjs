// `npm run format`: formats the code of all languages, and mends what linters can mend by themselves.
import { fileURLToPath } from 'node:url';
import { readHalves } from './setup/record.mjs';
import { LINTERS } from './test/linters.mjs';
import { show } from './test/show.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const halves = readHalves(root);
for (const { half, fix } of LINTERS) {
  if (!fix || (half && halves[half])) continue;
  const { exitCode } = await show(fix, { cwd: root });
  if (exitCode !== 0) process.exitCode = 1;
}

// `npm run lint`: what `npm test` checks before the tests.
import { fileURLToPath } from 'node:url';
import { readHalves } from './setup/record.mjs';
import { close } from './test/close.mjs';
import { lint } from './test/lint.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const halves = readHalves(root);
close(await lint(root, halves), halves);

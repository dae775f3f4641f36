import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const hasPython = existsSync(fileURLToPath(new URL('./python-peer/.venv/bin/python', import.meta.url)));

/** Tests against pyarrow, by Python programs, or of setting Python up: left out where set-up leaves Python out, and `npm test` says so. */
const NEEDING_PYTHON = [
  'src/ipc/{corruption,decoder,dictionaries,roundtrip}.test.ts',
  'src/columns/protobuf/opentelemetry.test.ts',
  'scripts/{setup,test}.test.ts',
  'src/e2e/{checksum,exhausted,cli-{columns-live,rows,status},fuzz-{consumers,contents},hello,hostile,hostile-peers,hostile-producer,in-place,kill,large,limits,package,package-python,quarantine,rows-{pyarrow,stream},thousand-ends,transfer,waiting}.test.ts',
];

// Tests start processes and measure memory, so files run one after the other.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(hasPython ? [] : NEEDING_PYTHON)],
    fileParallelism: false,
    testTimeout: 60_000,
    pool: 'forks',
  },
});

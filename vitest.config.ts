import { defineConfig } from 'vitest/config';

// Tests start processes and measure memory, so files run one after the other.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    pool: 'forks',
  },
});

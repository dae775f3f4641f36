import { LINTERS } from './linters.mjs';
import { show } from './show.mjs';

/** Runs every linter whose half is installed; each is one check. */
export async function lint(root, halves) {
  const verdicts = [];
  for (const { name, half, check } of LINTERS) {
    if (half && halves[half]) continue;
    console.log(`\n── ${name}`);
    const { exitCode } = await show(check, { cwd: root });
    verdicts.push(
      exitCode === 0 ? { passed: 1, failed: 0, notes: [] } : { passed: 0, failed: 1, notes: [`${name}: failed`] },
    );
  }
  return verdicts;
}

// What a suite's machine-readable results say: `{ passed, failed, skipped }`.

/** @param json what vitest's JSON reporter wrote; a file that failed before its first test counts as one failed test */
export function countVitest(json) {
  const { testResults } = JSON.parse(json);
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of testResults) {
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) count.failed++;
    for (const test of assertionResults)
      count[test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped']++;
  }
  return count;
}

/** @param xml what pytest wrote by `--junitxml`; an error in set-up or tear-down counts as a failed test */
export function countPytest(xml) {
  const attributes = /<testsuite\s([^>]*)>/.exec(xml)?.[1] ?? '';
  const [tests, failures, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)[1]),
  );
  return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped };
}

/** @param stdout what `cargo test` printed: a `test result:` line for each test program */
export function countCargo(stdout) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of stdout.matchAll(
    /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored;/gm,
  )) {
    count.passed += Number(passed);
    count.failed += Number(failed);
    count.skipped += Number(ignored);
  }
  return count;
}

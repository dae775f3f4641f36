/**
 * What a suite's end means. A skipped test, a suite that ran nothing, one that ended badly without a failed test and one
 * whose results can't be read are failures, each with a note that says so. Tests that skip themselves because a peer is left
 * out (`isPartial`) are only noted.
 */
export function judge({ name, exitCode, count, error, isPartial }) {
  if (error)
    return {
      passed: 0,
      failed: 1,
      notes: [`${name}: its results cannot be read (${error.message}): counted as 1 failure`],
    };
  const { passed, skipped } = count;
  let { failed } = count;
  const notes = [];
  if (skipped > 0 && isPartial) notes.push(`${name}: ${skipped} skipped, for want of the peers that are left out`);
  else if (skipped > 0) {
    failed += skipped;
    notes.push(`${name}: ${skipped} skipped: counted as failures`);
  }
  if (passed + failed + skipped === 0) {
    failed++;
    notes.push(`${name}: ran nothing: counted as 1 failure`);
  } else if (exitCode !== 0 && count.failed === 0) {
    failed++;
    notes.push(`${name}: ended with exit code ${exitCode} though no test failed: counted as 1 failure`);
  }
  return { passed, failed, notes };
}

/** All verdicts together. */
export function sum(verdicts) {
  const total = (field) => verdicts.reduce((sofar, verdict) => sofar + verdict[field], 0);
  return { passed: total('passed'), failed: total('failed'), notes: verdicts.flatMap(({ notes }) => notes) };
}

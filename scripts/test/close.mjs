import { sum } from './verdict.mjs';

/** Prints what there is to say about the verdicts and the halves that are left out, then the counts; sets the exit code. */
export function close(verdicts, halves) {
  const { passed, failed, notes } = sum(verdicts);
  console.log();
  for (const [half, reason] of Object.entries(halves))
    if (reason) console.log(`the ${half} peer is left out: ${reason}`);
  for (const note of notes) console.log(note);
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

// `npm run bench [-- STAGE ...]`: every stage, or those named. Contenders run interleaved; the figures are medians.
const STAGES = ['write', 'handoff', 'inline'];

const chosen = process.argv.length > 2 ? process.argv.slice(2) : STAGES;
const unknown = chosen.find((stage) => !STAGES.includes(stage));
if (unknown) {
  console.error(`npm run bench: expected one of ${STAGES.join(', ')}, found ${unknown}`);
  process.exit(2);
}
for (const stage of chosen) {
  const { run } = await import(`./${stage}.mjs`);
  await run();
}

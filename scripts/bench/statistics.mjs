/** The value that `share` of the values do not exceed. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const median = (values) => quantile(values, 0.5);

/** Runs each contender in turn, round after round, every second one in the opposite order, so that all meet the same weather; returns each one's results. */
export async function interleave(contenders, rounds, warmUps = 1) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    const turn = Object.entries(contenders);
    for (const [name, run] of round % 2 === 0 ? turn : turn.reverse()) {
      const result = await run();
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}

/** How long `work` takes, in ns of CLOCK_MONOTONIC. */
export const timed = (work) => async () => {
  const begin = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - begin);
};

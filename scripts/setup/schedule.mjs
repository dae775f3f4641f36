import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Stamp } from './stamp.mjs';
import { ToolMissing } from './tools.mjs';

/** A step that failed, with the reason as its cause. */
export class StepFailed extends Error {
  constructor(step, cause) {
    super(`${step.name}: ${cause.message}`, { cause });
    this.step = step;
  }
}

/**
 * Looks for the tools of all steps. Returns those that can run, each with its tool, and why each half that can't was left
 * out. Throws StepFailed for a broken tool, and for a missing one that nothing works without; where `strict`, for any.
 */
export async function plan(root, steps, strict) {
  const halves = { python: null, rust: null };
  const found = await Promise.all(
    steps.map(async (step) => {
      try {
        return { step, tool: await step.findTool({ root }) };
      } catch (error) {
        if (strict || !step.half || !(error instanceof ToolMissing)) throw new StepFailed(step, error);
        halves[step.half] = `${error.message}. To get it: ${error.advice}`;
        return undefined;
      }
    }),
  );
  return { halves, planned: found.filter(Boolean) };
}

/** Runs what is not current yet, each step once those before it are done. The first that fails ends the others: StepFailed. */
export async function runSteps(root, planned, progress) {
  const failure = new AbortController();
  const done = new Map();
  const runOne = async ({ step, tool }) => {
    await Promise.all(step.after.map((name) => done.get(name)));
    const settings = { tool: tool.version, arch: process.arch, settings: step.settings?.(root) };
    const stamp = new Stamp(root, step, settings);
    if (stamp.isCurrent() && existsSync(join(root, step.product))) return;
    stamp.remove();
    progress.start(step.name);
    await step.run({ root, tool, signal: failure.signal });
    stamp.write();
    progress.finish(step.name);
  };
  for (const each of planned)
    done.set(
      each.step.name,
      runOne(each).catch((error) => {
        if (!failure.signal.aborted) failure.abort(new StepFailed(each.step, error));
      }),
    );
  try {
    await Promise.all(done.values());
    failure.signal.throwIfAborted();
  } finally {
    progress.end();
  }
}

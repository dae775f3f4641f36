import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeVector, RecordBatch, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import { readIpc } from '../../ipc/index.js';
import { placed } from '../../ipc/testing/stream.js';
import { findPython } from '../../sidecar/index.js';

/** So many frames a process is to deal with. */
export const FRAMES = Number(process.env.ARROWLAB_FUZZ_FRAMES ?? 100_000);
/** Where the generators start; another one each time, said where a test fails. */
export const SEED = Number(process.env.ARROWLAB_FUZZ_SEED ?? Date.now() % 2 ** 31);

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The programs under test; each takes the path of the hostile producer and that of an honest one. */
export const CONSUMERS: Record<string, () => { command: string; args: string[] }> = {
  node: () => nodeProgram('consumer'),
  python: () => {
    const { command, args } = findPython();
    return { command, args: [...args, at('src/e2e/fuzzing/consumer.py')] };
  },
  rust: () => ({ command: at('rust-peer/target/release/examples/fuzz-consumer'), args: [] }),
};

export const nodeProgram = (name: string): { command: string; args: string[] } => ({
  command: process.execPath,
  args: ['--expose-gc', at(`dist/e2e/fuzzing/${name}.js`)],
});

/** A folder for sockets. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'arrowlab-fuzz-'));

  socket(name: string): string {
    return join(this.path, `${name}.sock`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A million numbers, whose sum the consumers know. */
export const honestTable = (): Table =>
  new Table({ n: makeVector(BigInt64Array.from({ length: 1_000_000 }, (_, i) => BigInt(i))) });

/** The messages of a small stream, schema first. */
export function smallMessages(): Uint8Array[] {
  const table = new Table({
    n: makeVector(Int32Array.of(1, 2, 3, 4)),
    text: vectorFromArray(['a', null, 'ü', 'longer than others'], new Utf8()),
  });
  const batches = table.batches.flatMap((batch) => [batch, new RecordBatch(table.schema, batch.data)]);
  return [...readIpc(tableToIPC(new Table(table.schema, batches))).messages()].map((message) => placed(message).whole);
}

/**
 * Lets `attack` deal with what `arbitrary` makes until it has dealt with so many frames; `attack` gives how many it has dealt with. Fails with
 * the seed and the smallest example that was found in a minute.
 */
export async function campaign<T>(
  arbitrary: fc.Arbitrary<T>,
  frames: number,
  isLost: () => boolean,
  attack: (example: T) => Promise<number>,
): Promise<number> {
  let done = 0;
  for (let seed = SEED; done < frames; seed++) {
    const property = fc.asyncProperty(arbitrary, async (example) => {
      if (!isLost()) done += await attack(example); // no smaller example of what a process did that is dead
    });
    const details = await fc.check(property, {
      seed,
      numRuns: 50,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    });
    if (details.failed)
      throw new Error(
        `ARROWLAB_FUZZ_SEED=${seed}, run ${details.counterexamplePath}: ${details.errorInstance}\n${fc.stringify(details.counterexample)}`,
      );
  }
  return done;
}

import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { findPython } from '../sidecar/index.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/live-metrics/live-metrics.mjs', import.meta.url));

/** Runs the example to its end; what it printed. */
async function live(args: string[], input?: string): Promise<string> {
  const all = [EXAMPLE, '--python', findPython().command, ...args];
  const { stdout, stderr, exitCode } = await execa(process.execPath, all, { reject: false, ...(input && { input }) });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

/** Proportional set size of both processes, in MiB, each time it was printed. */
const memory = (output: string): number[] =>
  Array.from(
    output.matchAll(/Pss node ([\d.]+) MiB, python ([\d.]+) MiB/g),
    ([, node, python]) => Number(node) + Number(python),
  );

const counts = (output: string) => ({
  sent: Number(/node: sent (\d+) rows/.exec(output)?.[1]),
  received: Number(/python: received (\d+) rows/.exec(output)?.[1]),
});

describe('examples/live-metrics', () => {
  it('counts every row of a few seconds at a steady rate', async () => {
    const output = await live(['--rate', '20000', '--seconds', '3']);
    const { sent, received } = counts(output);
    expect(received).toBe(sent);
    expect(sent).toBeGreaterThan(20_000);
    expect(output).toMatch(/python: \d+ rows in \d+ batches, highest mean 0\.\d+ of web-\d+/);
  });

  it('takes lines from standard input', async () => {
    const lines = Array.from(
      { length: 5_000 },
      (_, i) => `{"host":"h${i % 3}","metric":"cpu","value":${i},"at":${i}}\n`,
    );
    expect(counts(await live(['--input', '-'], lines.join('')))).toEqual({ sent: 5_000, received: 5_000 });
  });

  it('says how it is used, and which line is bad, in plain words', async () => {
    const said = async (args: string[], input = '') => {
      const { exitCode, stdout, stderr } = await execa(process.execPath, [EXAMPLE, ...args], { input, reject: false });
      return { exitCode, stdout, stderr };
    };
    expect(await said(['--help'])).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^usage: /), stderr: '' });
    expect(await said(['--nope'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^live-metrics: .*--nope/),
    });
    const line = '{"host":"h","metric":"cpu","value":1,"at":1}';
    const python = ['--python', findPython().command, '--input', '-'];
    for (const [bad, message] of [
      ['nope', /^live-metrics: line 3: .* is not valid JSON$/],
      [line.replace('1', '"x"'), /^live-metrics: line 3: value: expected a number, found "x"$/],
    ] as const) {
      const { exitCode, stderr } = await said(python, `${line}\n\n${bad}\n${line}\n`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(message) });
    }
  });

  it('takes no more memory for more rows', async () => {
    // 24 bytes a row: 120 MB go through 4 MiB.
    const output = await live(['--rate', '0', '--rows', '5000000', '--max-bytes', '4MiB']);
    expect(counts(output)).toEqual({ sent: 5_000_000, received: 5_000_000 });
    const pss = memory(output);
    expect(pss.length).toBeGreaterThan(3);
    const warm = pss.slice(Math.ceil(pss.length / 3), Math.ceil((2 * pss.length) / 3));
    const late = pss.slice(Math.ceil((2 * pss.length) / 3));
    expect(Math.max(...late)).toBeLessThan(Math.max(...warm) + 24);
  });
});

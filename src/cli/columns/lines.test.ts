import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineBlocks, textLines } from './lines.js';

async function* chunksOf(bytes: Buffer, cuts: number[]): AsyncGenerator<Buffer> {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let begin = 0;
  for (const end of ends) {
    yield bytes.subarray(begin, end);
    begin = end;
  }
}

async function linesOf(bytes: Buffer, cuts: number[]): Promise<[number, string | undefined][]> {
  const lines: [number, string | undefined][] = [];
  for await (const block of lineBlocks(chunksOf(bytes, cuts))) {
    let line = block.line;
    for (const text of textLines(block)) lines.push([line++, text]);
  }
  return lines;
}

const line = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\r', 'a\r', '\ufeff', 'ü'.repeat(50)));
const cuts = fc.array(fc.nat(500), { maxLength: 8 });

test('lines come whole, with their numbers, wherever chunks are cut: within a character, a line end or the byte order mark', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line), cuts, fc.boolean(), fc.boolean(), async (texts, where, isEnded, isMarked) => {
      const expected = texts.map((text) => text.replaceAll('\n', ' '));
      const [first = '', ...rest] = expected;
      // A mark that is text would be taken for one.
      const clean = [first.replace(/^\ufeff+/, ''), ...rest];
      const text = clean.join('\n') + (isEnded ? '\n' : '');
      const bytes = Buffer.from((isMarked ? '\ufeff' : '') + text);
      const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
      expect(await linesOf(bytes, where)).toEqual(lines.map((each, index) => [index + 1, each]));
    }),
  );
});

test('a line that is not UTF-8 is told from those around it', async () => {
  const bytes = Buffer.concat([Buffer.from('a\nb'), Buffer.of(0xff), Buffer.from('\nü\n'), Buffer.of(0xc3)]);
  await fc.assert(
    fc.asyncProperty(cuts, async (where) => {
      expect(await linesOf(bytes, where)).toEqual([
        [1, 'a'],
        [2, undefined],
        [3, 'ü'],
        [4, undefined],
      ]);
    }),
  );
});

test('a line without end is refused before it has taken all memory', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from('{}\n');
    for (;;) yield Buffer.alloc(2 ** 20, 'a');
  }
  const read = async () => {
    for await (const _ of lineBlocks(endless()));
  };
  await expect(read()).rejects.toThrow(/^line 2: expected a line of at most 67108864 bytes/);
});

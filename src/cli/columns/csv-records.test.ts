import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvRecords } from './csv-records.js';

async function* chunksOf(bytes: Buffer, cuts: number[]): AsyncGenerator<Buffer> {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let begin = 0;
  for (const end of ends) {
    yield bytes.subarray(begin, end);
    begin = end;
  }
}

async function recordsOf(bytes: Buffer, cuts: number[], delimiter = ','): Promise<object[]> {
  const records: object[] = [];
  for await (const group of csvRecords(chunksOf(bytes, cuts), delimiter)) records.push(...group);
  return records;
}

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', '\n', '\r\n', ' ', ';', '\t') }),
  fc.string({ unit: 'grapheme' }).filter((text) => !/\r/.test(text)),
);
const cuts = fc.array(fc.nat(500), { maxLength: 8 });

test('records come whole, with the line they begin on, wherever chunks are cut and whatever is quoted', async () => {
  const written = fc.record({
    records: fc.array(fc.array(cell, { minLength: 2, maxLength: 4 })),
    delimiter: fc.constantFrom(',', ';', '\t', '||'),
    lineEnd: fc.constantFrom('\n', '\r\n', '\n\n'),
    isEnded: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(written, cuts, async ({ records, delimiter, lineEnd, isEnded }, where) => {
      const quoted = (text: string) =>
        /["\r\n]/.test(text) || text.includes(delimiter[0]!) ? `"${text.replaceAll('"', '""')}"` : text;
      let text = '';
      const expected = records.map((cells) => {
        const line = text.split('\n').length;
        text += cells.map(quoted).join(delimiter) + lineEnd;
        return { cells, line };
      });
      const bytes = Buffer.from(isEnded ? text : text.slice(0, text.length - lineEnd.length));
      // A mark at the very beginning is none of the text.
      fc.pre(!text.startsWith('\ufeff'));
      expect(await recordsOf(bytes, where, delimiter)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test('a record is there as soon as its line has come', async () => {
  const records = csvRecords(
    (async function* () {
      yield Buffer.from('a,"b"\n');
      await new Promise(() => {});
    })(),
    ',',
  );
  expect((await records.next()).value).toEqual([{ cells: ['a', 'b'], line: 1 }]);
});

test('a quote that is not closed is refused before it has taken all memory, with its line', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from('a,b\n1,"2\n');
    for (;;) yield Buffer.alloc(2 ** 20, 'a,b\n');
  }
  await expect(csvRecords(endless(), ',').next()).rejects.toThrow(
    /^line 2: expected quotes around whole cells and closed/,
  );
});

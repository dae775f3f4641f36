import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rowsOf, typesOf, useColumns } from './columns-cli.js';

const { run, start, file, at, partials } = useColumns('from-csv');

describe('alab columns from-csv', () => {
  it('infers the types of cells; empty ones are null, quotes hold what separates, lines end in any way', async () => {
    const input = [
      '\ufeffid,big,rate,ok,day,at,instant,name,zip,card,none',
      '1,18446744073709551615,1.5,true,2026-01-31,2026-01-31 10:00:00,2026-01-31T10:00:00Z,"a, ""b""",01234,123456789012345678901,',
      '-2,1,1e3,FALSE,2024-02-29,2026-01-31T10:00:00.5,2026-01-31T10:00:00+02:00,"two',
      'lines",00001,1,',
      '',
      ',,NaN,,,,,,,,',
    ].join('\r\n');
    const { exitCode, stdout, table } = await run(input, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3, malformed: 0 });
    expect(typesOf(table)).toEqual({
      ...{ id: 'Int64', big: 'Uint64', rate: 'Float64', ok: 'Bool', day: 'Date32<DAY>', at: 'Timestamp<MICROSECOND>' },
      ...{ instant: 'Timestamp<MICROSECOND, UTC>', name: 'Utf8', zip: 'Utf8', card: 'Utf8', none: 'Utf8' },
    });
    const at = Date.UTC(2026, 0, 31, 10);
    expect(rowsOf(table)).toMatchObject([
      {
        id: '1n',
        big: '18446744073709551615n',
        rate: 1.5,
        ok: true,
        day: Date.UTC(2026, 0, 31),
        at,
        instant: at,
        name: 'a, "b"',
        zip: '01234',
      },
      { id: '-2n', rate: 1000, ok: false, at: at + 500, instant: at - 7_200_000, name: 'two\r\nlines', none: null },
      { id: null, big: null, rate: null, ok: null, day: null, name: null },
    ]);
    expect(table!.getChild('rate')!.get(2)).toBe(Number.NaN);
  });

  it('takes other names, other separators, and a schema, of whose columns it reads those alone', async () => {
    const schema = {
      price: 'decimal128(20, 2)',
      n: 'int8',
      kind: { dictionary: 'utf8' },
      raw: 'binary',
      took: 'duration(ms)',
    };
    const { exitCode, stderr, table } = await run(
      '9\tAP8=\t1.50\ta\t7\tPT1.5S\n9\t\t-2\ta\t\t20\n',
      ...[
        '--columns',
        'unused,raw,price,kind,n,took',
        '--delimiter',
        'tab',
        '--schema',
        file('s.json', JSON.stringify(schema)),
      ],
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(typesOf(table)).toMatchObject({ price: 'Decimal[20e+2]', n: 'Int8', raw: 'Binary' });
    expect([...table!.getChild('raw')!]).toEqual([Uint8Array.of(0, 255), null]);
    expect([...table!.getChild('kind')!]).toEqual(['a', 'a']);
    expect([...table!.getChild('n')!]).toEqual([7, null]);
    expect([...table!.getChild('took')!]).toEqual([1500n, 20n]);
  });

  it.each([
    [
      'a,b\n1,2\n3,x\n',
      ['--sample', '1'],
      'line 3: b: expected an integer without fraction or exponent, from -2^63 to 2^63 - 1, found "x"; the types are those of the samples: give a larger --sample, or --schema',
    ],
    ['a,b\n"1\n2",2\n\n3\n', [], 'line 5: expected 2 cells, found 1: "3"'],
    ['a,b\n"1\n2",2\n\n3,"4"5\n', [], 'line 5: expected quotes around whole cells'],
    ['a,b\n1,"2\n\n3,4\n', [], 'line 2: expected quotes around whole cells and closed'],
    ['a,b\n1,12\n1,300\n', ['--schema', '{"b":"uint8"}'], 'line 3: b: expected an integer from 0 to 255, found 300'],
    ['a,b\n1,2\n', ['--schema', '{"c":"uint8"}'], 'expected a column "c", which the schema has, found "a", "b"'],
    [
      'a,b\n1,2\n',
      ['--schema', '{"b":{"list":"utf8"}}'],
      'column "b": expected a type that a cell can hold, found List',
    ],
    ['a,a\n1,2\n', [], 'expected column 2 to have a name of its own, found "a" again'],
    ['a,\n1,2\n', [], 'expected column 2 to have a name of its own, found none'],
    ['', [], 'expected a line of column names, found no line'],
    ['a,b\n', [], 'expected a row to infer the schema from, found none: give --schema'],
    ['a,b\n1\n', [], 'line 2: expected 2 cells, found 1: "1"'],
    ['a\n1,2\n', [], 'line 2: expected 1 cell, found 2: "1,2"'],
    [
      'a,b\n1\n',
      ['--malformed', 'skip'],
      'expected a row to infer the schema from, found 1 malformed alone: line 2: expected 2 cells',
    ],
    [gzipSync('a,b\n1,2\n'), [], 'expected text, found what gzip has made of it: zcat FILE | alab columns'],
    [Buffer.from('a\nü\nü\n', 'latin1'), [], 'line 2: expected UTF-8'],
  ])('%j with %j: %s', async (input, [flag, value], message) => {
    const given = flag === '--schema' ? file('s.json', value!) : value!;
    const { table, ...said } = await run(input, ...(flag ? [flag, given] : []));
    expect(said).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining(message) });
    expect(table).toBe(undefined);
    expect(partials()).toEqual([]);
  });

  it('with a schema, a header alone is an empty table', async () => {
    const { exitCode, table } = await run('a,b\n', '--schema', file('schema.json', '{"b":"int8"}'));
    expect(exitCode).toBe(0);
    expect(typesOf(table)).toEqual({ b: 'Int8' });
    expect(table!.numRows).toBe(0);
  });

  it.each(['tab', '\\t', '\t'])('%j separates by tabulators', async (delimiter) => {
    const { stderr, table } = await run('a\tb\n1\t2\n', '--delimiter', delimiter);
    expect(stderr).toBe('');
    expect(table!.schema.names).toEqual(['a', 'b']);
  });

  it.each(['', '"', '\n'])('%j cannot separate cells', async (delimiter) => {
    const { exitCode, stderr } = await run('a,b\n1,2\n', '--delimiter', delimiter);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^alab: option '--delimiter <text>' argument .* Expected what separates cells/s);
  });

  it.each([
    ['a;b\n1;2\n', [], "--delimiter ';'"],
    ['a|b\n1|2\n', [], "--delimiter '|'"],
    ['a\tb\n1\t2\n', [], '--delimiter tab'],
    ['a,b\n1,2\n', ['--delimiter', ';'], '--delimiter ,'],
  ])('%j with %j, a header of one column, is taken with a hint: %s', async (input, args, advice) => {
    const { exitCode, stderr, table } = await run(input, ...args);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^alab: found one column, "a.*b": if it is several, give /);
    expect(stderr.endsWith(advice)).toBe(true);
    expect(table!.schema.names).toHaveLength(1);
  });

  it('a header of one column, or of several in which such a letter is, needs no hint', async () => {
    for (const input of ['a\n1\n', 'a;b,c|d\n1,2\n']) expect((await run(input)).stderr).toBe('');
  });

  it('skips and counts records that do not fit, if it is told to; but what follows a quote out of place cannot be told', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) =>
      i % 1_000 === 7 ? (i % 2_000 === 7 ? 'x,y' : '1') : `${i},t`,
    );
    const { exitCode, stdout, table } = await run(
      ['a,b', ...lines].join('\n'),
      '--malformed',
      'skip',
      '--sample',
      '5',
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 29_970, malformed: 30 });
    expect(Number(table!.getChild('a')!.get(29_969))).toBe(29_999);
    expect(await run('a\n1\n"2"3\n', '--malformed', 'skip')).toMatchObject({ exitCode: 1 });
  });

  it.each([
    ['a,b\n1,2\n1,x\n', 'line 3: b: '],
    ['a,a\n1,2\n', 'expected column 2'],
    ['a,b\n1,2\n1,"2"3\n', 'line 3: expected quotes'],
  ])('%j fails as soon as it has come, though the input goes on', async (input, message) => {
    const child = start(['--output', at('out.arrows'), '--sample', '1']);
    child.stdin!.write(input);
    expect(await child).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(message) });
    expect(partials()).toEqual([]);
  });

  it('names of columns are nothing but names', async () => {
    const { exitCode, table } = await run('__proto__,constructor,"a""b"\n1,2,x\n');
    expect(exitCode).toBe(0);
    expect(typesOf(table)).toEqual(JSON.parse('{"__proto__":"Int64","constructor":"Int64","a\\"b":"Utf8"}'));
    expect(table!.schema.fields.map((_, column) => String(table!.getChildAt(column)!.get(0)))).toEqual(['1', '2', 'x']);
  });
});

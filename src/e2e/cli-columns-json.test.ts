import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { gzipSync } from 'node:zlib';
import { tableFromIPC } from 'apache-arrow';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { ALAB, alab, shell } from './alab.js';
import { rowsOf, typesOf, useColumns } from './columns-cli.js';

const { bridge, at, run, start, file, tableOf, partials } = useColumns('from-json');
const failure = (message: string) => ({ exitCode: 1, stdout: '', stderr: expect.stringContaining(message) });

describe('alab columns from-json', () => {
  it('infers columns from lines of any ending, and says what it did', async () => {
    const input =
      '\ufeff{"id":1,"tags":["a"],"where":{"lat":1.5}}\r\n\n{"id":9007199254740993,"at":"2026-01-31T10:00:00Z"}\n{"name":"ü"}';
    const { exitCode, stdout, table } = await run(input, '--iso-strings', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3, batches: 1, malformed: 0 });
    expect(typesOf(table)).toMatchObject({
      id: 'Int64',
      tags: 'List<Utf8>',
      at: 'Timestamp<MICROSECOND, UTC>',
      name: 'Utf8',
    });
    expect(rowsOf(table)).toMatchObject([
      { id: '1n', tags: ['a'], where: { lat: 1.5 }, at: null, name: null },
      { id: '9007199254740993n', tags: null, where: null },
      { id: null, name: 'ü' },
    ]);
  });

  it('reads a file and writes batches of as many rows as it is told, as a stream, a file or to standard output', async () => {
    const input = file('in.ndjson', Array.from({ length: 25_000 }, (_, i) => `{"i":${i}}\n`).join(''));
    for (const name of ['out.arrows', 'out.arrow']) {
      const { stdout } = await start(['--input', input, '--output', at(name), '--batch-rows', '10000']);
      expect(stdout).toMatch(/out\.arrows?: 25000 rows, 3 batches, /);
      expect(tableOf(name)!.batches.map(({ numRows }) => numRows)).toEqual([10_000, 10_000, 5_000]);
      expect(Number(tableOf(name)!.getChild('i')!.get(24_999))).toBe(24_999);
    }
    expect(readFileSync(at('out.arrow')).toString('latin1', 0, 6)).toBe('ARROW1');
    const args = [ALAB, 'columns', 'from-json', '--input', input, '--output', '-', '--json'];
    const { stdout, stderr } = await execa(process.execPath, args, { encoding: 'buffer' });
    expect(tableFromIPC(stdout).numRows).toBe(25_000);
    expect(JSON.parse(Buffer.from(stderr).toString())).toMatchObject({ rows: 25_000, batches: 1 });
  });

  it('takes the schema of an Arrow file or of JSON, and every digit of what is exact', async () => {
    const schema = {
      ...{ id: 'uint64 not null', price: 'decimal128(30, 10)', at: 'timestamp(ms, UTC)', raw: 'binary', f: 'float32' },
      ...{ kind: { dictionary: 'utf8' }, points: { list: { struct: { x: 'float64' }, nullable: false } } },
      ...{ tags: { map: ['utf8', 'int64'] }, either: { union: { n: 'int64', s: 'utf8' } }, big: 'float64' },
    };
    const row =
      '{"id":18446744073709551615,"price":12345678901234567890.0123456789,"at":1767225600000,"raw":"AP8=","f":"NaN","kind":"a","points":[{"x":1}],"tags":{"k":12345678901234567},"either":{"s":"x"},"big":1,"more":0}';
    const first = await run(`${row}\n`, '--schema', file('schema.json', JSON.stringify(schema)));
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = async () => {
      const server = await bridge.serve();
      await server.publishIpc('rows', readFileSync(at('out.arrows')));
      const { stdout } = await alab('ipc', 'read', '--socket', bridge.path, '--json');
      await server.close();
      return stdout;
    };
    const expected =
      '{"id":18446744073709551615,"price":"12345678901234567890.0123456789","at":"2026-01-01T00:00:00.000Z","raw":"AP8=","f":"NaN","kind":"a","points":[{"x":1}],"tags":[{"key":"k","value":12345678901234567}],"either":"x","big":1}';
    expect(await lines()).toBe(expected);
    const again = await run(`${row}\n`, '--schema', file('first.arrows', readFileSync(at('out.arrows'))));
    expect(again.exitCode).toBe(0);
    expect(await lines()).toBe(expected);
  });

  it.each([
    [
      '{"a":1}\n\n{"a":"x"}\n',
      ['--sample', '1'],
      'line 3: a: expected an integer without fraction or exponent, from -2^63 to 2^63 - 1, found "x"; the types are those of the samples: give a larger --sample, or --schema',
    ],
    [
      '{"a":1}\n\n{"a":"x"}\n',
      [],
      'line 3: a: expected a number as in line 1, found "x"; make them of one kind, or give --schema',
    ],
    ['{"a":1}\n{"a":1.5}\n', ['--sample', '1'], 'line 2: a: expected an integer without fraction or exponent, from'],
    ['{"a":1}\n{"a":9223372036854775808}\n', ['--sample', '1'], 'found 9223372036854775808;'],
    ['{"a":1}\n{"a":1e17}\n', ['--sample', '1'], 'line 2: a: expected an integer without fraction or exponent, from'],
    ['{"a":1}\n{"a":}\n', [], 'line 2: expected a JSON object, found Unexpected token'],
    ['{"a":1}\n[1]\n', [], 'line 2: expected a JSON object, found [1]'],
    ['{"a":{"b":[1,2]}}\n{"a":{"b":[1,"x"]}}\n', ['--sample', '1'], 'line 2: a.b[1]: expected'],
    [Buffer.from([0x7b, 0x7d, 0x0a, 0xff, 0x0a]), [], 'line 2: expected UTF-8'],
    [
      '{"a":"x"}\n{"a":12345678901234567890}\n',
      [],
      'line 2: a: expected a string as in line 1, found 12345678901234567890; make',
    ],
    ['{"a":12345678901234567890}\n{"a":"x"}\n', [], 'line 2: a: expected an integer as in line 1, found "x"; make'],
    ['\n \n', [], 'expected a row to infer the schema from, found none: give --schema'],
    ['[{"a":1}]\n', [], 'line 1: expected a JSON object, found [{"a":1}]: give one object a line, as `jq -c \'.[]\'`'],
    ['[\n  {"a":1},\n', [], "give one object a line, as `jq -c '.[]'` writes the items of an array"],
    ['{\n  "a": 1\n}\n', [], 'give one object a line, as `jq -c .` writes them'],
    [
      '[{"a":1}]\n',
      ['--malformed', 'skip'],
      'expected a row to infer the schema from, found 1 malformed alone: line 1: expected a JSON object',
    ],
    [gzipSync('{"a":1}\n'), [], 'expected text, found what gzip has made of it: zcat FILE | alab columns'],
  ])('%j with %j: %s, and there is no file', async (input, args, message) => {
    const { table, ...said } = await run(input, ...args);
    expect(said).toMatchObject(failure(message));
    expect(table).toBe(undefined);
    expect(partials()).toEqual([]);
  });

  it('skips and counts what is malformed, wherever it is, if it is told to', async () => {
    const bad = ['nope', '[1]', '{"a":"x"}', '{"a":1', '{"a":1.5}'];
    const good = Array.from({ length: 20_000 }, (_, a) => `{"a":${a}}`);
    const input = [...bad.slice(0, 2), ...good.slice(0, 10), ...bad, ...good.slice(10), ...bad].join('\n');
    const { exitCode, stdout, table } = await run(
      input,
      '--malformed',
      'skip',
      '--sample',
      '5',
      '--batch-rows',
      '100',
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 20_000, batches: 200, malformed: 12 });
    expect(table!.getChild('a')!.toArray()).toEqual(BigInt64Array.from(good.keys(), BigInt));
  });

  it('with a schema, no row is an empty table', async () => {
    const { exitCode, table } = await run('', '--schema', file('schema.json', '{"a":"int8"}'));
    expect(exitCode).toBe(0);
    expect(typesOf(table)).toEqual({ a: 'Int8' });
    expect(table!.numRows).toBe(0);
  });

  it('says one row of one, and never of values that text does not have', async () => {
    expect((await run('{"a":1}\n')).stdout).toMatch(/out\.arrows: 1 row, 1 batch, /);
    const schema = file('schema.json', '{"at":"timestamp(s)","day":"date32"}');
    expect((await run('{"at":1}\n', '--schema', schema)).stderr).toContain(
      'line 1: at: expected a time in whole seconds (milliseconds, or ISO 8601 text), found 1 (',
    );
    expect((await run('{"day":"x"}\n', '--schema', schema)).stderr).toContain(
      "line 1: day: expected a date ('YYYY-MM-DD', or milliseconds of whole days), found",
    );
  });

  it('a number in a timestamp column is milliseconds, whatever its unit; from 2^53 on it counts in the unit', async () => {
    const schema = file('schema.json', '{"s":"timestamp(s, UTC)","ns":"timestamp(ns, UTC)"}');
    const { table } = await run('{"s":1767225000,"ns":1767225600123456789}\n', '--schema', schema);
    expect([...table!.getChild('s')!.data[0]!.values]).toEqual([1_767_225n]);
    expect([...table!.getChild('ns')!.data[0]!.values]).toEqual([1_767_225_600_123_456_789n]);
  });

  it('takes a schema from a pipe, as JSON or of an Arrow stream', async () => {
    const input = file('in.ndjson', '{"a":1}\n');
    const piped = (schema: string) =>
      shell(`alab columns from-json --input ${input} --output ${at('out.arrows')} --schema <(cat ${schema})`);
    expect((await piped(file('schema.json', '{"a":"int8"}'))).exitCode).toBe(0);
    expect(typesOf(tableOf('out.arrows'))).toEqual({ a: 'Int8' });
    expect((await piped(file('first.arrows', readFileSync(at('out.arrows'))))).exitCode).toBe(0);
    expect(typesOf(tableOf('out.arrows'))).toEqual({ a: 'Int8' });
  });

  it.each([
    ['--input', '', 'expected --input as a file that can be read, found a folder, '],
    ['--schema', '', 'expected --schema as a file that can be read, found a folder, '],
    ['--output', '', 'expected --output as the name of a file, found a folder, '],
    ['--output', 'none/out.arrows', 'expected --output as a file in a folder that can be written, found no folder '],
    ['--output', 'in.ndjson/out.arrows', 'expected --output as a file in a folder that can be written, found ENOTDIR'],
  ])('%s of the folder, and %j in it: %s', async (flag, name, message) => {
    file('in.ndjson', '{"a":1}\n');
    const { exitCode, stderr } = await run('{"a":1}\n', flag, at(name));
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(message) });
    expect(stderr).not.toContain('partial');
  });

  it('leaves the file that was there when it fails or is interrupted, with exit code 130', async () => {
    file('out.arrows', 'kept');
    const failing = start(['--output', at('out.arrows'), '--sample', '1']);
    failing.stdin!.write('{"a":1}\nnope\n'); // and the input goes on
    expect(await failing).toMatchObject(failure('line 2: '));
    expect(readFileSync(at('out.arrows'), 'utf8')).toBe('kept');
    const child = start(['--output', at('out.arrows'), '--sample', '1']);
    child.stdin!.write('{"a":1}\n');
    await expect.poll(partials).toHaveLength(1);
    child.kill('SIGINT');
    const { exitCode, stderr } = await child;
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: expect.stringContaining('ERR_ARROWLAB_ABORTED') });
    expect(readFileSync(at('out.arrows'), 'utf8')).toBe('kept');
    expect(partials()).toEqual([]);
  });

  it('can be interrupted while it still waits for samples', async () => {
    const child = start(['--output', at('out.arrows')]);
    child.stdin!.write('{"a":1}\n');
    await expect.poll(() => hasBegun(child.pid!), { timeout: 10_000 }).toBe(true);
    child.kill('SIGINT');
    expect(await child).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('ERR_ARROWLAB_ABORTED') });
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const input = file('in.ndjson', '{"a":"some text"}\n'.repeat(200_000));
    const { stdout, stderr } = await shell(
      `alab columns from-json --input ${input} --output - | head -c 20 | wc -c; echo "\${PIPESTATUS[0]}"`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '20\n0', stderr: '' });
  });

  it.each([
    [[], 'expected --output or --socket, found neither'],
    [['--output', 'x', '--socket', 'y'], 'expected --output or --socket, found both'],
    [['--output', 'x', '--name', 'n'], '--name'],
    [['--output', 'x', '--max-latency-ms', '5'], '--max-latency-ms'],
    [['--output', 'x', '--malformed', 'maybe'], '--malformed'],
    [['--output', 'x', '--sample', '0'], '--sample'],
    [['--output', 'x.parquet'], 'expected --output as a .arrow file or a .arrows stream'],
    [['--output', 'x.CSV'], 'expected --output as a .arrow file or a .arrows stream'],
    [['--output', 'x.json'], 'expected --output as a .arrow file or a .arrows stream'],
  ])('%j cannot be understood: %s', async (args, message) => {
    const { exitCode, stderr } = await alab('columns', 'from-json', ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^alab: /);
    expect(stderr).toContain(message);
  });

  it.each([
    ['{"a":"frobnicate"}', 'schema.json: a: expected a type, one of int8, '],
    ['{"a":"int7"}', 'schema.json: a: expected a type, found "int7"; did you mean "int8"?'],
    ['{"a":{"list":"string"}}', 'schema.json: a.list: expected a type, found "string"; did you mean "utf8"?'],
    ['{"a":"int64 NOT NULL"}', 'found "int64 NOT NULL"; did you mean "int64 not null"?'],
    ['{"a":{"list":"utf8","map":[]}}', 'schema.json: a: expected a type, such as "int64"'],
    ['{"a":"decimal128(0)"}', 'schema.json: a: decimal128: expected a precision'],
    ['{"a":{"struct":{"b":"timestamp"}}}', 'schema.json: a.struct: b: timestamp: expected a unit'],
    ['{"a":{"union":{"b":"int8 not null"}}}', 'schema.json: a: nullable: expected a union with'],
    ['[]', 'schema.json: expected an object of types by name, found []'],
    ['{', 'schema.json: expected an Arrow IPC file or stream, or JSON, found'],
    ['no schema', 'ERR_ARROWLAB_IPC_INVALID'],
  ])('a schema of %s is refused', async (text, message) => {
    const { exitCode, stderr } = await run('{}', '--schema', file('schema.json', text));
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(message) });
  });

  it('takes no more memory for more rows', async () => {
    const peakMib = async (rows: number) => {
      const line = `{"i":1,"text":"${'x'.repeat(100)}"}\n`;
      const child = start(['--input', file('in.ndjson', line.repeat(rows)), '--output', '-', '--batch-rows', '5000']);
      let peakKib = 0;
      child.stdout!.on('data', () => {
        peakKib = Math.max(peakKib, peakOf(child.pid!) ?? 0);
      });
      expect((await child).exitCode).toBe(0);
      return peakKib / 1024;
    };
    const few = await peakMib(100_000);
    // The input alone is 124 MB.
    expect(await peakMib(1_000_000)).toBeLessThan(few + 40);
  });
});

/** What a process has occupied at most, in KiB; undefined when it is gone. */
function peakOf(pid: number): number | undefined {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** Whether a command of `alab` has begun in a process: it catches SIGHUP with the others, which Node by itself does not. */
function hasBegun(pid: number): boolean {
  const [, caught] = /SigCgt:\s+([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals.SIGHUP - 1))) !== 0n;
}

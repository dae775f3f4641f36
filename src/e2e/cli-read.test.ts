import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Dictionary,
  Int32,
  makeData,
  makeVector,
  Table,
  tableFromIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { execa } from 'execa';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PublishedStream } from '../index.js';
import { ALAB, alab, shell } from './alab.js';
import { priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();
const read = (...args: string[]) => alab('ipc', 'read', '--socket', bridge.path, ...args);
const at = (name: string) => join(bridge.folder, name);

describe('alab ipc read', () => {
  const numbers = (rows: number, first = 0) =>
    new Table({ n: makeVector(Int32Array.from({ length: rows }, (_, i) => first + i)) });

  it('shows the schema and a table of the first ten rows, or as many as are asked for, from several batches', async () => {
    const server = await bridge.serve();
    await server.publish('numbers', new Table([...numbers(4).batches, ...numbers(20, 4).batches]));
    const { stdout } = await read();
    expect(stdout.split('\n')).toEqual([
      ...['n  Int32 not null', '', 'n', '-', ...Array.from({ length: 10 }, (_, i) => String(i))],
    ]);
    expect((await read('--head', '5')).stdout.split('\n').slice(4)).toEqual(['0', '1', '2', '3', '4']);
    expect((await read('--head', '0')).stdout).toBe('n  Int32 not null');
    expect((await read('--head', '100')).stdout.split('\n')).toHaveLength(4 + 24);
    expect((await read('--head', '6', '--json')).stdout.split('\n')).toEqual(
      Array.from({ length: 6 }, (_, n) => JSON.stringify({ n })),
    );
    await read('--head', '6', '--output', at('head.arrow'));
    expect(
      tableFromIPC(readFileSync(at('head.arrow')))
        .getChild('n')!
        .toArray(),
    ).toEqual(Int32Array.of(0, 1, 2, 3, 4, 5));
  });

  it('shows text that could steer a terminal as escapes, and cuts what is long', async () => {
    const server = await bridge.serve();
    const texts = ['\u001b[2J\u009b0m\u202e', 'x'.repeat(100), 'two\nlines'];
    await server.publish('texts', new Table({ '\u001b[1mtext': vectorFromArray(texts, new Utf8()) }));
    const { stdout } = await read();
    expect(stdout.split('\n').slice(2)).toEqual([
      ...['\\u001b[1mtext', '-'.repeat(40), '\\u001b[2J\\u009b0m\\u202e', `${'x'.repeat(39)}…`, 'two\\nlines'],
    ]);
  });

  it('takes the one stream there is; asks for a name where there are several, and names them', async () => {
    const server = await bridge.serve();
    expect(await read()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ERR_ARROWLAB_STREAM_UNKNOWN') });
    await server.publish('one', numbers(1));
    expect((await read('--json')).stdout).toBe('{"n":0}');
    await server.publish('two', numbers(1));
    const { exitCode, stdout, stderr } = await read();
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('found 2: "one", "two" (ERR_ARROWLAB_INVALID_ARGUMENT)');
  });

  it('reads a stream as it is written, and is through when it ends', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const reading = read('prices', '--json');
    for (let i = 0; i < 300; i++) await stream.write(prices(i % 100 === 0 ? 5_000 : 3, i));
    await stream.end();
    const { stdout, exitCode } = await reading;
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toHaveLength(3 * 5_000 + 297 * 3);
    await expect.poll(() => server.stats().usedBytes).toBeLessThan(50_000);
  });

  describe('leaves a file as it was', () => {
    const failing: [string, string, (stream: PublishedStream) => Promise<void> | void, number][] = [
      ['when the stream fails', 'ERR_ARROWLAB_STREAM_FAILED', (stream) => stream.fail(new Error('no more')), 1],
      ['when nothing comes for too long', 'ERR_ARROWLAB_TIMEOUT', () => {}, 1],
    ];
    beforeEach(() => writeFileSync(at('kept.arrow'), 'what was there'));

    it.each(failing)('%s', async (_, code, fail, exit) => {
      const server = await bridge.serve();
      const stream = server.publish('prices', priceSchema);
      const reading = read('prices', '--output', at('kept.arrow'), '--timeout', '2');
      await stream.write(prices(10_000));
      await fail(stream);
      expect(await reading).toMatchObject({ exitCode: exit, stderr: expect.stringContaining(code) });
      expect(readFileSync(at('kept.arrow'), 'utf8')).toBe('what was there');
      expect(bridge.files().filter((name) => name.includes('partial'))).toEqual([]);
    });

    it('at Ctrl-C', async () => {
      const server = await bridge.serve();
      const stream = server.publish('prices', priceSchema);
      const args = [ALAB, 'ipc', 'read', '--socket', bridge.path, 'prices', '--output', at('kept.arrow')];
      const child = execa(process.execPath, args, { reject: false });
      await stream.write(prices(10_000));
      await expect.poll(() => bridge.files().filter((name) => name.includes('partial'))).toHaveLength(1);
      await expect.poll(() => server.status().leases).toEqual([]);
      child.kill('SIGINT');
      const { exitCode, stderr } = await child;
      expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: expect.stringContaining('ERR_ARROWLAB_ABORTED') });
      expect(readFileSync(at('kept.arrow'), 'utf8')).toBe('what was there');
      expect(bridge.files().filter((name) => name.includes('partial'))).toEqual([]);
    });
  });

  it('says that a file cannot hold a dictionary that is replaced, which a stream can', async () => {
    const server = await bridge.serve();
    const type = new Dictionary(new Utf8(), new Int32(), 1);
    const tables = [['a', 'b'], ['a', 'b', 'c'], ['d']].map((words) => {
      const data = Int32Array.from(words.keys());
      const dictionary = vectorFromArray(words, new Utf8());
      return new Table({ word: new Vector([makeData({ type, length: words.length, data, dictionary })]) });
    });
    const stream = server.publish('words', tables[0]!.schema, { retain: 'all' });
    for (const table of tables) await stream.write(table);
    await stream.end();
    await read('--output', at('grown.arrow'), '--head', '5');
    const grown = tableFromIPC(readFileSync(at('grown.arrow'))).getChild('word')!;
    expect([...grown]).toEqual(['a', 'b', 'a', 'b', 'c']);
    const refused = await read('--output', at('words.arrow'));
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ERR_ARROWLAB_IPC_UNSUPPORTED') });
    expect(existsSync(at('words.arrow'))).toBe(false);
    expect((await read('--output', at('words.arrows'))).exitCode).toBe(0);
    expect((await read('--json')).stdout).toBe(
      ['a', 'b', 'a', 'b', 'c', 'd'].map((word) => JSON.stringify({ word })).join('\n'),
    );
  });

  it.each(['--json', '--output -'])('ends quietly when nobody reads its %s any more', async (way) => {
    const server = await bridge.serve();
    await server.publish('numbers', numbers(1_000_000));
    const line = `alab ipc read --socket ${bridge.path} numbers ${way} | head -c 20 | wc -c; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await shell(line);
    expect({ stdout, stderr }).toEqual({ stdout: '20\n0', stderr: '' });
    await expect.poll(() => server.status().peers).toEqual([]);
  });

  it('waits as long as it is told for a stream that nobody publishes, and for one without batches', async () => {
    const server = await bridge.serve();
    server.publish('silent', priceSchema);
    for (const name of ['nobody', 'silent'])
      expect(await read(name, '--timeout', '0.3')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('ERR_ARROWLAB_TIMEOUT'),
      });
    expect((await read('silent', '--head', '0')).stdout).toBe('price  Float64 not null');
  });

  it.each([
    [2, ['--head', '-1']],
    [2, ['--timeout', 'soon']],
    [1, ['--output', '/no/such/folder/x.arrow']],
  ])('exits with %i after %j', async (code, args) => {
    const server = await bridge.serve();
    await server.publish('numbers', numbers(1));
    const { exitCode, stderr } = await read('numbers', ...args);
    expect(exitCode).toBe(code);
    expect(stderr).toMatch(/^alab: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('takes --json or --output, not both', async () => {
    const { exitCode, stdout } = await read('numbers', '--json', '--output', at('x.arrow'));
    expect(exitCode).toBe(1); // as every error with --json
    expect(JSON.parse(stdout).error.message).toContain('--output');
  });

  it('says who is missing where nobody listens', async () => {
    expect(await read('numbers')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ERR_ARROWLAB_CONNECT_FAILED'),
    });
  });
});

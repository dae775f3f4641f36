import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type Peer } from '../index.js';
import { alab } from './alab.js';
import { useColumns } from './columns-cli.js';

const { bridge, start, file } = useColumns('from-json');
const children: ReturnType<typeof start>[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child;
  }
});

/** Publishes rows of one int64 column `n`; standard input is the caller's. */
function publish(...args: string[]) {
  const schema = file('schema.json', '{"n":"int64"}');
  const child = start(['--socket', bridge.path, '--schema', schema, '--json', ...args]);
  children.push(child);
  return child;
}

async function meet(): Promise<Peer> {
  await expect.poll(() => existsSync(bridge.path), { timeout: 20_000 }).toBe(true);
  return connect(bridge.path);
}

const lines = (count: number, first = 0) => Array.from({ length: count }, (_, i) => `{"n":${first + i}}\n`).join('');

describe('alab columns --socket', () => {
  it('waits for a reader, sends it every row in order under the name given, and ends when that has read all and is gone', async () => {
    const child = publish('--name', 'numbers', '--batch-rows', '10000', '--max-latency-ms', '60000');
    child.stdin!.end(lines(100_000));
    // Who only looks is no reader.
    const looking = await meet();
    expect(await looking.list()).toEqual([{ name: 'numbers', batches: 0, ended: false }]);
    await looking.close();
    const peer = await meet();
    let next = 0n;
    for await (const batch of peer.subscribe('numbers')) {
      for (const n of batch.getChild('n')!.toArray()) expect(n === next++).toBe(true);
      batch.release();
    }
    expect(next).toBe(100_000n);
    expect(child.exitCode).toBe(null);
    await alab('ipc', 'status', '--socket', bridge.path);
    expect(child.exitCode).toBe(null);
    await peer.close();
    const { exitCode, stdout, stderr } = await child;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ rows: 100_000, batches: 10, malformed: 0 });
    expect(existsSync(bridge.path)).toBe(false);
  });

  it('a second reader that comes later gets what is left: at the end, that alone', async () => {
    const child = publish();
    child.stdin!.end(lines(1_000));
    const first = await meet();
    expect((await first.readAll('rows')).numRows).toBe(1_000);
    const second = await meet();
    const table = await second.readAll('rows');
    expect([table.numRows, table.schema.names]).toEqual([0, ['n']]);
    await Promise.all([first.close(), second.close()]);
    expect(await child).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"rows":1000,') });
  });

  it('sends what has come after --max-latency-ms, though the input goes on', async () => {
    const child = publish('--max-latency-ms', '20');
    const peer = await meet();
    const batches = peer.subscribe('rows')[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n++) {
      child.stdin!.write(lines(1, n));
      const { value: batch } = await batches.next();
      expect(batch!.getChild('n')!.toArray()).toEqual(BigInt64Array.of(BigInt(n)));
      batch!.release();
    }
    child.stdin!.end();
    expect((await batches.next()).done).toBe(true);
    await peer.close();
    expect((await child).exitCode).toBe(0);
  });

  it('reads no more of the input than the reader takes', async () => {
    const child = publish('--max-bytes', '8MiB');
    const input = lines(1_000_000);
    child.stdin!.end(input);
    const peer = await meet();
    await sleep(1_500);
    // What has not been taken waits in this process.
    const waiting = child.stdin!.writableLength;
    expect(waiting).toBeGreaterThan(input.length / 2);
    await sleep(500);
    expect(child.stdin!.writableLength).toBe(waiting);
    let rows = 0;
    for await (const batch of peer.subscribe('rows')) {
      rows += batch.numRows;
      batch.release();
    }
    expect(rows).toBe(1_000_000);
    await peer.close();
    expect((await child).exitCode).toBe(0);
  });

  it('tells the reader what is wrong with the input, and fails', async () => {
    const child = publish('--batch-rows', '10');
    const peer = await meet();
    const reading = peer.readAll('rows');
    child.stdin!.end(`${lines(100)}{"n":"x"}\n${lines(100)}`);
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_STREAM_FAILED',
      message: expect.stringContaining('line 101: n: expected'),
    });
    await peer.close();
    const { exitCode, stdout } = await child;
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).error.message).toMatch(/^line 101: n: expected/);
  });

  it('fails when the reader leaves before the end', async () => {
    const child = publish('--batch-rows', '10');
    child.stdin!.end(lines(100_000));
    const peer = await meet();
    for await (const batch of peer.subscribe('rows')) {
      batch.release();
      break;
    }
    await peer.close();
    const { exitCode, stdout } = await child;
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'ERR_ARROWLAB_PEER_FAILED',
      message: expect.stringContaining('found it gone'),
    });
  });

  it.each(['nobody reads', 'somebody reads'])('ends at Ctrl-C while %s, with exit code 130', async (who) => {
    const child = publish('--batch-rows', '10');
    child.stdin!.write(lines(100_000));
    const peer = await meet();
    const batches = peer.subscribe(who === 'nobody reads' ? 'nothing' : 'rows')[Symbol.asyncIterator]();
    if (who === 'somebody reads') (await batches.next()).value!.release();
    child.kill('SIGINT');
    if (who === 'somebody reads') {
      const drain = async () => {
        for (let step = await batches.next(); !step.done; step = await batches.next()) step.value.release();
      };
      await expect(drain()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_STREAM_FAILED' });
    } else batches.next().catch(() => {});
    const { exitCode, stdout } = await child;
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'ERR_ARROWLAB_ABORTED' });
    expect(exitCode).toBe(130);
    expect(existsSync(bridge.path)).toBe(false);
    await peer.close();
  });

  it('without rows, the reader gets the schema and the end', async () => {
    const child = publish();
    child.stdin!.end();
    const peer = await meet();
    const table = await peer.readAll('rows');
    expect([table.numRows, table.schema.names]).toEqual([0, ['n']]);
    await peer.close();
    expect((await child).exitCode).toBe(0);
  });
});

import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Field, makeData, makeVector, RecordBatch, Schema, Struct, Table, Utf8 } from 'apache-arrow';
import { execa } from 'execa';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../index.js';
import { StreamWriter } from '../ipc/index.js';
import { ALAB, alab, Publisher } from './alab.js';
import { useBridge } from './bridge.js';

const bridge = useBridge();
const publishers: Publisher[] = [];
afterEach(async () => void (await Promise.all(publishers.splice(0).map((publisher) => publisher.end('SIGKILL')))));

function publish(...args: string[]): Publisher {
  const publisher = new Publisher(bridge.path, args);
  publishers.push(publisher);
  return publisher;
}

/** A file of `batches` batches of one number each, in the bridge's folder; each batch of `rows` rows. */
function file(name: string, batches = 1, rows = 3): string {
  const path = join(bridge.folder, name);
  const table = new Table(
    Array.from({ length: batches }, (_, i) => new Table({ n: makeVector(new Int32Array(rows).fill(i)) }).batches[0]!),
  );
  const writer = new StreamWriter(openSync(path, 'w'), table.schema);
  writer.write(table);
  writer.end();
  return path;
}

describe('alab ipc publish', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'publishes files and standard input under their names until %s, then removes the socket, with exit code 0',
    async (signal) => {
      const publisher = publish(file('one.arrows'), file('two.data.arrows', 2), '-');
      publisher.child.stdin.end(readFileSync(file('three.arrows', 3)));
      await publisher.said('published', 3);
      const peer = await connect(bridge.path);
      expect(await peer.list()).toEqual([
        { name: 'one', batches: 1, ended: true },
        { name: 'two.data', batches: 2, ended: true },
        { name: 'stdin', batches: 3, ended: true },
      ]);
      expect((await peer.readAll('stdin')).getChild('n')!.toArray()).toEqual(Int32Array.of(0, 0, 0, 1, 1, 1, 2, 2, 2));
      await peer.close();
      await publisher.said('gone');
      expect(await publisher.end(signal)).toBe(0);
      expect(existsSync(bridge.path)).toBe(false);
      expect(publisher.events.map(({ event }) => event)).toEqual([
        ...['listening', 'published', 'published', 'published', 'peer', 'gone', 'closed'],
      ]);
      const [came, gone] = publisher.events.slice(4);
      expect([came!.pid, gone!.pid]).toEqual([process.pid, process.pid]);
    },
  );

  it('takes a name, and a file as standard input', async () => {
    const input = file('one.arrows');
    const args = [ALAB, 'ipc', 'publish', '-', '--name', 'prices', '--socket', bridge.path, '--once'];
    const child = execa(process.execPath, args, { stdin: { file: input }, reject: false });
    await expect.poll(() => existsSync(bridge.path), { timeout: 10_000 }).toBe(true);
    const peer = await connect(bridge.path);
    expect((await peer.readAll('prices')).numRows).toBe(3);
    await peer.close();
    const { exitCode, stdout, stderr } = await child;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `listening on ${bridge.path}`,
      'published "prices": 3 rows, 1 batch, 0.0 MiB',
      `peer node ${process.pid} (pid ${process.pid}) came`,
      `peer node ${process.pid} (pid ${process.pid}) is gone`,
      'closed',
    ]);
  });

  it('with --once ends when each stream has been read to its end, not when one is left early or half of them are read', async () => {
    const publisher = publish(file('long.arrows', 200), file('short.arrows'), '--once');
    await publisher.said('published', 2);
    const early = await connect(bridge.path);
    for await (const batch of early.subscribe('long')) {
      batch.release();
      break;
    }
    await early.close();
    await publisher.said('gone', 1);
    const half = await connect(bridge.path);
    await half.readAll('short');
    await half.close();
    await publisher.said('gone', 2);
    await sleep(200);
    expect(publisher.child.exitCode).toBe(null);
    const whole = await connect(bridge.path);
    await whole.readAll('long');
    expect(publisher.child.exitCode).toBe(null);
    await whole.close();
    expect((await publisher.child).exitCode).toBe(0);
  });

  it('with --once goes on when who has been sent everything dies holding it', async () => {
    const publisher = publish(file('prices.arrows', 1, 100_000), '--once');
    await publisher.said('published');
    const holder = bridge.node(`
      const peer = await arrowlab.connect(path);
      globalThis.batches = [];
      for await (const batch of peer.subscribe('prices')) batches.push(batch);
      say('held');
      await hear();
    `);
    await holder.line();
    await holder.kill();
    await publisher.said('gone');
    await sleep(200);
    expect(publisher.child.exitCode).toBe(null);
    const peer = await connect(bridge.path);
    await peer.readAll('prices');
    await peer.close();
    expect((await publisher.child).exitCode).toBe(0);
  });

  it('ends at Ctrl-C although a reader holds a batch, which stays readable', async () => {
    const publisher = publish(file('prices.arrows', 2, 100_000));
    await publisher.said('published');
    const peer = await connect(bridge.path);
    const subscription = peer.subscribe('prices');
    const batches = [(await subscription.next()).value!, (await subscription.next()).value!];
    expect(await publisher.end()).toBe(0);
    expect(batches.map((batch) => batch.getChild('n')!.get(99_999))).toEqual([0, 1]);
    for (const batch of batches) batch.release();
    await peer.close();
  });

  it('refuses contents that are not what their types say, before anybody can read them', async () => {
    const path = join(bridge.folder, 'wrong.arrows');
    const schema = new Schema([new Field('text', new Utf8(), false)]);
    // The second text begins behind the third's end.
    const valueOffsets = Int32Array.of(0, 9, 3);
    const text = makeData({ type: new Utf8(), length: 2, data: Buffer.from('abcdefghi'), valueOffsets });
    const writer = new StreamWriter(openSync(path, 'w'), schema);
    writer.write(new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 2, children: [text] })));
    writer.end();
    const { exitCode, stderr } = await alab('ipc', 'publish', path, '--socket', bridge.path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('column "text", row 0');
    expect(stderr).toContain('(ERR_ARROWLAB_DATA_INVALID)');
    expect(existsSync(bridge.path)).toBe(false);
  });

  it.each([
    [2, [], /--socket/],
    [2, ['--socket', '/tmp/x.sock', 'a.arrow', 'b.arrow', '--name', 'c'], /--name/],
    [2, ['--socket', '/tmp/x.sock', 'a/x.arrow', 'b/x.arrows'], /"x"/],
    [1, ['--socket', '/no/such/folder/x.sock'], /ERR_ARROWLAB_LISTEN_FAILED/],
    [1, ['/no/such/file.arrow'], /ERR_ARROWLAB_INVALID_ARGUMENT/],
    [1, ['--max-bytes', 'lots'], /ERR_ARROWLAB_INVALID_ARGUMENT/],
    [1, ['--max-bytes', '64KiB'], /ERR_ARROWLAB_MEMORY_LIMIT/],
  ])('exits with %i after %j', async (code, args, message) => {
    const files = args.some((arg) => arg.includes('.arrow')) ? [] : [file('large.arrows', 1, 100_000)];
    const socket = args.includes('--socket') || code === 2 ? [] : ['--socket', bridge.path];
    const { exitCode, stdout, stderr } = await alab('ipc', 'publish', ...files, ...socket, ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toMatch(message);
    expect(existsSync(bridge.path)).toBe(false);
  });

  it('gives up a standard input that has more than --max-bytes', async () => {
    const publisher = publish('-', '--max-bytes', '1MiB');
    await publisher.said('listening');
    publisher.child.stdin.on('error', () => {});
    publisher.child.stdin.write(Buffer.alloc(2 ** 21));
    expect((await publisher.child).exitCode).toBe(1);
    await expect.poll(() => publisher.events.at(-1)).toMatchObject({ error: { code: 'ERR_ARROWLAB_MEMORY_LIMIT' } });
  });

  it('says what happens with NODE_DEBUG=arrowlab, and nothing without', async () => {
    const said: string[] = [];
    for (const NODE_DEBUG of ['arrowlab', '']) {
      const publisher = new Publisher(bridge.path, [file('prices.arrows', 1, 100_000), '--once'], { NODE_DEBUG });
      publishers.push(publisher);
      await publisher.said('published');
      const args = [ALAB, 'ipc', 'read', '--socket', bridge.path, '--json'];
      const reader = await execa(process.execPath, args, { env: { NODE_DEBUG } });
      said.push((await publisher.child).stderr, reader.stderr);
    }
    const [producer, consumer, ...without] = said;
    expect(without).toEqual(['', '']);
    for (const what of [
      /ARROWLAB \d+: listening on /,
      /publish "prices"/,
      /peer alab ipc read \(pid \d+\): accepted/,
      /subscribe to "prices"/,
      /1 leases came back/,
      /: closing/,
      /: gone/,
    ])
      expect(producer).toMatch(what);
    expect(consumer).toMatch(/release of 1 leases to alab ipc publish/);
    expect(consumer).toMatch(/: close/);
  });
});

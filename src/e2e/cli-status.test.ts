import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.js';
import { connect, type EndpointStatus } from '../index.js';
import { findPython } from '../sidecar/index.js';
import { ALAB, alab } from './alab.js';
import { collect, MIB, priceSchema, prices, pricesOf, useBridge } from './bridge.js';

const bridge = useBridge();

async function status(): Promise<EndpointStatus> {
  const { stdout } = await alab('ipc', 'status', '--socket', bridge.path, '--json');
  return JSON.parse(stdout);
}

describe('alab ipc status', () => {
  it('shows who holds what, since when, and marks who asks', async () => {
    const server = await bridge.serve({ name: 'market', maxBytes: '64MiB' });
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    await stream.write(prices(100_000));
    await stream.write(prices(100_000));
    await stream.end();
    const holder = await bridge.meet();
    const before = performance.now();
    const batches = await collect(holder, 'prices');
    server.unpublish('prices');
    await expect.poll(() => server.stats().usedBytes).toBeGreaterThan(0);
    const found = await status();
    expect(found).toMatchObject({ name: 'market', pid: process.pid, streams: [], waiting: [], omitted: {} });
    expect(found.region).toMatchObject({ maxBytes: 64 * MIB, usedBytes: server.stats().usedBytes });
    expect(found.peers).toHaveLength(2);
    const [held, asking] = found.peers as [EndpointStatus['peers'][0], EndpointStatus['peers'][0]];
    expect(held).toMatchObject({ pid: process.pid, uid: process.getuid!(), state: 'open', isAsking: false });
    expect(asking).toMatchObject({ name: 'alab ipc status', state: 'open', isAsking: true });
    expect(asking.connection).not.toBe(held.connection);
    const { usedBytes } = found.region;
    expect(found.leases).toEqual([
      { connection: held.connection, stream: 'prices', leases: 2, bytes: usedBytes, oldestMs: expect.any(Number) },
    ]);
    expect(found.holders).toEqual([
      { holder: expect.stringContaining('stream "prices"'), bytes: usedBytes, oldestMs: expect.any(Number) },
    ]);
    // It grows as time goes by, and is never longer than that was.
    const later = (await status()).leases[0]!;
    expect(later.oldestMs).toBeGreaterThan(found.leases[0]!.oldestMs);
    expect(later.oldestMs).toBeLessThanOrEqual(Math.ceil(performance.now() - before));
    batches[0]!.release();
    await expect.poll(async () => (await status()).leases[0]).toMatchObject({ leases: 1, bytes: usedBytes / 2 });
    batches[1]!.release();
    await expect.poll(async () => (await status()).leases).toEqual([]);
  });

  it('shows streams, what they retain, who reads them, and batches dropped for a slow subscriber', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'latest', slow: 'drop' });
    const slow = (await bridge.meet()).subscribe('prices');
    await slow.schema;
    for (let i = 0; i < 200; i++) await stream.write(prices(10, i));
    const found = await status();
    expect(found.streams).toEqual([
      expect.objectContaining({
        ...{ name: 'prices', batches: 200, rows: 2_000, isEnded: false, retain: 'latest', slow: 'drop' },
        ...{ subscribers: 1, readers: 0, droppedBatches: stream.status().droppedBatches },
      }),
    ]);
    expect(found.streams[0]!.droppedBatches).toBeGreaterThan(100);
    expect(found.subscriptions).toEqual([
      expect.objectContaining({ stream: 'prices', state: 'open', credit: 0, queuedMessages: 0 }),
    ]);
    expect(found.subscriptions[0]!.droppedBatches).toBe(found.streams[0]!.droppedBatches);
    slow.cancel();
    // What was dropped is not forgotten with the subscriber.
    await expect.poll(async () => (await status()).streams[0]).toMatchObject({ subscribers: 0 });
    expect((await status()).streams[0]!.droppedBatches).toBe(found.streams[0]!.droppedBatches);
  });

  it('shows who waits, for what and why', async () => {
    const server = await bridge.serve({ maxBytes: 8 * MIB });
    const waits = async (what: string) => (await status()).waiting.filter((wait) => wait.for === what);
    const lonely = server.publish('lonely', priceSchema);
    const lonelyWrite = lonely.write(prices(1));
    const greedy = server.publish('greedy', priceSchema, { retain: 'latest' });
    const blocked = server.publish('blocked', priceSchema, { retain: 'latest' });
    const peer = await bridge.meet();
    const held = peer.subscribe('greedy');
    const unread = peer.subscribe('blocked');
    peer.subscribe('nobody');
    await Promise.all([held.schema, unread.schema]);
    await greedy.write(pricesOf(3 * MIB));
    const first = (await held.next()).value!;
    await greedy.write(pricesOf(3 * MIB));
    const second = (await held.next()).value!;
    const starved = greedy.write(pricesOf(3 * MIB));
    const full = (async () => {
      for (let i = 0; i < 70; i++) await blocked.write(prices(10));
    })();
    expect(await waits('memory')).toEqual([
      {
        ...{ who: 'writer of stream "greedy"', for: 'memory', forMs: expect.any(Number) },
        why: expect.stringMatching(
          /^\d+ bytes are needed, and \d+ of maxBytes = 8388608 are in use, \d+ of them held by/,
        ),
      },
    ]);
    expect(await waits('subscriber')).toMatchObject([{ who: 'writer of stream "lonely"' }]);
    expect(await waits('credit')).toMatchObject([
      { who: 'writer of stream "blocked"', why: expect.stringContaining('queue for peer node') },
    ]);
    expect(await waits('publication')).toMatchObject([
      { who: expect.stringContaining(`pid ${process.pid}`), why: 'nobody publishes "nobody"' },
    ]);
    // Each wait ends when its reason does.
    peer.subscribe('lonely');
    first.release();
    second.release();
    for await (const batch of unread) {
      batch.release();
      if (blocked.batches === 70) break;
    }
    await Promise.all([lonelyWrite, starved, full]);
    expect((await status()).waiting.map((wait) => wait.for)).toEqual(['publication']);
  });

  it('shows a peer that is gone but for its process', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    await stream.write(prices(100_000));
    const holder = bridge.python(`
import socket
ours = socket.socket(socket.AF_UNIX)
ours.connect(path)
peer = arrowlab.connect(fd=ours.dup().detach())
batch = next(peer.subscribe("prices"))
ours.shutdown(socket.SHUT_RDWR)
say("held")
hear()
`);
    await holder.line();
    const lost = async () => (await status()).peers.find(({ pid }) => pid === holder.pid);
    await expect.poll(lost).toMatchObject({ state: 'quarantined' });
    expect((await status()).leases).toHaveLength(1);
    await holder.kill();
    await expect.poll(lost).toBe(undefined);
  });

  it('shows people the same', async () => {
    const server = await bridge.serve({ name: 'market' });
    const stream = server.publish('pri\u001bces', priceSchema, { retain: 'all' });
    await stream.write(prices(100_000));
    const batch = (await (await bridge.meet()).subscribe('pri\u001bces').next()).value!;
    const { stdout, exitCode } = await alab('ipc', 'status', '--socket', bridge.path);
    expect(exitCode).toBe(0);
    for (const line of [
      /^market \(pid \d+\)$/m,
      /^region: 0\.8 MiB used/m,
      /^pri\\u001bces +100000 +1 +0\.8 MiB/m,
      /alab ipc status \(pid \d+\) +open +\S+ s +<- this command$/m,
      /^\d+ node \d+ \(pid \d+\) +pri\\u001bces +1 +0\.8 MiB +\S+ s$/m,
    ])
      expect(stdout).toMatch(line);
    batch.release();
  });

  it('with --watch --json prints a line each time until Ctrl-C, with exit code 0', async () => {
    const server = await bridge.serve();
    const watching = bridge.run(
      ...[process.execPath, ALAB, 'ipc', 'status', '--socket', bridge.path, '--watch', '0.1', '--json'],
    );
    const first = JSON.parse(await watching.line()) as EndpointStatus;
    server.publish('later', priceSchema);
    await expect
      .poll(async () => (JSON.parse(await watching.line()) as EndpointStatus).streams.map(({ name }) => name))
      .toEqual(['later']);
    expect(first.streams).toEqual([]);
    watching.child.kill('SIGINT');
    expect((await watching.child).exitCode).toBe(0);
    await expect.poll(() => server.status().peers).toEqual([]);
  });

  it('with --watch redraws a terminal', async () => {
    await bridge.serve();
    const command = `"${process.execPath}" "${ALAB}" ipc status --socket ${bridge.path} --watch 0.1`;
    const child = execa('script', ['-qec', command, '/dev/null'], { reject: false, buffer: false, stdin: 'pipe' });
    let drawn = '';
    for await (const chunk of child.stdout!) {
      drawn += String(chunk);
      if (drawn.split('\u001b[H\u001b[J').length > 3) break;
    }
    child.kill('SIGTERM');
    await child;
    expect(drawn).toContain('<- this command');
  });

  it('with --watch ends with an error when the endpoint is gone', async () => {
    const server = await bridge.serve();
    const args = ['ipc', 'status', '--socket', bridge.path, '--watch', '0.1', '--json'];
    const watching = bridge.run(process.execPath, ALAB, ...args);
    await watching.line();
    await server.close();
    expect((await watching.child).exitCode).toBe(1);
  });

  it.each([
    [2, []],
    [2, ['--socket', '/no/such.sock', '--watch', '0']],
    [1, ['--socket', '/no/such.sock']],
  ])('exits with %i after %j', async (code, args) => {
    expect((await alab('ipc', 'status', ...args)).exitCode).toBe(code);
  });
});

describe('a status that is too long for a frame', () => {
  it('is cut, and says what is missing', async () => {
    const server = await bridge.serve({ maxBytes: '64MiB' });
    for (let i = 0; i < 6_000; i++) server.publish(`${i}`.padEnd(200, '-'), priceSchema);
    const found = await (await bridge.meet()).status();
    expect(found.omitted.streams).toBeGreaterThan(0);
    expect(found.streams.length).toBeGreaterThan(100);
    expect(found.streams.length + found.omitted.streams!).toBe(6_000);
    expect(server.status()).toMatchObject({ omitted: {} });
    expect(server.status().streams).toHaveLength(6_000);
  });
});

describe('alab ipc list', () => {
  it('lists what is published', async () => {
    const server = await bridge.serve();
    expect((await alab('ipc', 'list', '--socket', bridge.path)).stdout).toBe('Nothing is published.');
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    await stream.write(prices(3));
    const { stdout } = await alab('ipc', 'list', '--socket', bridge.path);
    expect(stdout.split('\n')).toEqual(['stream  batches  state', 'prices        1  open']);
    const json = await alab('ipc', 'list', '--socket', bridge.path, '--json');
    expect(JSON.parse(json.stdout)).toEqual([{ name: 'prices', batches: 1, ended: false }]);
  });
});

describe('a request', () => {
  it('is given up after its time or by its signal, and the connection goes on', async () => {
    const producer = bridge.node(`
      const server = await arrowlab.listen({ path });
      await server.publish('prices', pricesOf(800));
      say('listening');
      await hear();
    `);
    await producer.line();
    const peer = await connect(bridge.path);
    await producer.kill('SIGSTOP');
    await expect(peer.status({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'ERR_ARROWLAB_TIMEOUT' });
    await expect(peer.list({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_ABORTED',
    });
    const late = peer.list({ timeoutMs: 20_000 });
    await producer.kill('SIGCONT');
    expect(await late).toEqual([{ name: 'prices', batches: 1, ended: true }]);
    expect((await peer.readAll('prices')).numRows).toBe(100);
    await peer.close();
    await expect(async () => peer.list()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
  });

  it('fails when the other side dies', async () => {
    const producer = bridge.node("await arrowlab.listen({ path }); say('listening'); await hear();");
    await producer.line();
    const peer = await connect(bridge.path);
    await producer.kill('SIGSTOP');
    const asking = peer.status();
    await Promise.all([
      expect(asking).rejects.toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' }),
      producer.kill('SIGKILL'),
    ]);
    await peer.close();
  });

  const numberOf = (name: string) => ERRORS.find((error) => error.name === name)!.number;
  const frame = (type: number, stream: number, second: number, tail = Buffer.alloc(0)) => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(16 + tail.length, 0);
    bytes[4] = type;
    bytes.writeUInt32LE(stream, 8);
    bytes.writeUInt32LE(second, 12);
    return Buffer.concat([bytes, tail]).toString('hex');
  };
  const result = (stream: number, json: string) => frame(0x26, stream, 0, Buffer.from(json));
  const READY = `1800000001000000${'00'.repeat(16)}`;
  const OPEN = frame(0x20, 1, 0, Buffer.alloc(8));

  it.each([
    ['RESULT with other text than JSON', result(3, '{'), 'FRAME_FIELD', 'FRAME_FIELD'],
    ['RESULT for a subscription', OPEN + result(1, '[]'), 'STREAM_STATE', 'STREAM_STATE'],
    ['RESULT twice', result(3, '[]') + result(3, '[]'), 'answered', 'STREAM_STATE'],
    ['OPEN for a request', frame(0x20, 3, 0, Buffer.alloc(8)), 'STREAM_STATE', 'STREAM_STATE'],
    ['CANCELLED for a request that was not cancelled', frame(0x25, 3, 0), 'STREAM_STATE', 'STREAM_STATE'],
    ['NOT_SERVED', frame(0x02, 3, numberOf('NOT_SERVED')), 'NOT_SERVED', undefined],
  ])('that is answered by %s says so; a violation ends the connection', async (_, frames, outcome, violation) => {
    const raw = fileURLToPath(new URL('./raw_peer.py', import.meta.url));
    const { command, args } = findPython();
    const producer = execa(command, [...args, raw, '--serve', bridge.path, 'good', READY, frames]);
    await new Promise((resolve) => createInterface({ input: producer.stdout }).once('line', resolve));
    const peer = await connect(bridge.path);
    const subscription = peer.subscribe('prices');
    const codeOf = ({ code }: { code: string }) => code.replace('ERR_ARROWLAB_', '');
    const answer = peer.list().then(() => 'answered', codeOf);
    const ending = subscription.next().catch(codeOf);
    expect(await answer).toBe(outcome);
    if (violation) expect(await ending).toBe(violation);
    await peer.close();
    const { frames: told } = JSON.parse((await producer).stdout.split('\n')[1]!) as { frames: [number, number][] };
    expect(told.find(([type]) => type === 0x02)?.[1]).toBe(violation && numberOf(violation));
  });
});

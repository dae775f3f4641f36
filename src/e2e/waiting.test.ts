import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Server } from '../index.js';
import { MIB, type Program, priceSchema, pricesOf, useBridge } from './bridge.js';

const bridge = useBridge();

const MAX_BYTES = 16 * MIB;

/** Writes `total` bytes of prices in batches of a mebibyte, numbered by their first value, and ends the stream. */
async function produce(server: Server, total: number): Promise<void> {
  const stream = server.publish('prices', priceSchema);
  for (let i = 0; i < total / MIB; i++) await stream.write(pricesOf(MIB, i));
  await stream.end();
}

describe('a loop that drops batches without releasing them, and keeps nothing', () => {
  const LOOPS: [string, () => Program][] = [
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
let sum = 0;
for await (const batch of peer.subscribe('prices')) sum += batch.getChild('price').get(0);
say(sum);
await hear();
`),
    ],
    [
      'node, reference cycles',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
let sum = 0;
for await (const batch of peer.subscribe('prices')) {
  const holder = { batch };
  holder.self = holder;
  sum += holder.self.batch.getChild('price').get(0);
}
say(sum);
await hear();
`),
    ],
    [
      'python',
      () =>
        bridge.python(`
gc.disable()
total = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    total += int(batch.column(0)[0].as_py())
say(total)
hear()
`),
    ],
    [
      'python, reference cycles',
      () =>
        bridge.python(`
gc.disable()
class Holder: pass
total = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    holder = Holder()
    holder.self, holder.batch = holder, batch
    total += int(batch.column(0)[0].as_py())
say(total)
hear()
`),
    ],
  ];

  it.each(LOOPS)('passes 20 times maxBytes (%s)', async (_, open) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const producing = produce(server, 20 * MAX_BYTES);
    const consumer = open();
    await producing;
    const count = (20 * MAX_BYTES) / MIB;
    expect(Number(await consumer.line())).toBe((count * (count - 1)) / 2);
    expect(server.stats().residentBytes).toBeLessThanOrEqual(MAX_BYTES);
  });
});

describe('a reader that keeps every batch of a stream longer than maxBytes', () => {
  const KEEPERS: [string, () => Program][] = [
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
const kept = [];
try {
  for await (const batch of peer.subscribe('prices')) kept.push(batch);
  say('a clean end');
} catch (error) {
  say(error.code, error.message);
  for (const batch of kept) batch.release();
}
await hear();
`),
    ],
    [
      'python',
      () =>
        bridge.python(`
try:
    list(arrowlab.connect(path).subscribe("prices"))
    say("a clean end")
except arrowlab.LeasesExhausted as error:
    say("ERR_ARROWLAB_LEASES_EXHAUSTED", error)
hear()
`),
    ],
    [
      'rust',
      () => {
        const program = bridge.rust();
        program.say('go');
        return program;
      },
    ],
  ];

  it.each(KEEPERS)('gets LEASES_EXHAUSTED, which says what to do (%s)', async (_, open) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const waits: unknown[] = [];
    server.on('waiting', (wait) => waits.push(wait));
    const producing = produce(server, 2 * MAX_BYTES);
    const keeper = open();
    let line = await keeper.line();
    if (line.includes('"ready"')) line = await keeper.line();
    expect(line).toContain('ERR_ARROWLAB_LEASES_EXHAUSTED');
    expect(line).toContain('maxBytes');
    expect(waits[0]).toMatchObject({ stream: 'prices', waitedMs: 0 });
    await producing; // what it held is back: the others' way is free
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  it.each([
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
const table = await peer.readAll('prices');
say(table.numRows, table.batches.at(-1).getChild('price').get(0));
await hear();
`),
    ],
    [
      'python',
      () =>
        bridge.python(`
table = arrowlab.connect(path).subscribe("prices").read_all()
say(table.num_rows, int(table.column(0).chunk(table.column(0).num_chunks - 1)[0].as_py()))
hear()
`),
    ],
  ])('succeeds where it reads the stream as a whole (%s)', async (_, open) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const producing = produce(server, 3 * MAX_BYTES);
    const reader = open();
    expect(await reader.line()).toBe(`${(3 * MAX_BYTES) / 8} ${(3 * MAX_BYTES) / MIB - 1}`);
    await producing;
  });
});

describe('a reader that waits for what another one holds', () => {
  const READ: [string, () => Program][] = [
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
let count = 0;
for await (const batch of peer.subscribe('prices')) {
  if (++count === 1) say('reading');
  globalThis.last?.release();
  globalThis.last = batch; // as a loop has it that releases at the end of its body
}
say(count);
await hear();
`),
    ],
    [
      'python',
      () =>
        bridge.python(`
count = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    count += 1
    if count == 1: say("reading")
say(count)
hear()
`),
    ],
  ];

  it.each(READ)('reads on when that one goes on, although it holds a batch itself (%s)', async (_, open) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const quick = open();
    const slow = bridge.python(`
stream = iter(arrowlab.connect(path).subscribe("prices"))
held = [next(stream)]
say("reading")
held += [next(stream) for _ in range(12)]
time.sleep(4)
del held
say(13 + sum(1 for batch in stream))
hear()
`);
    await expect.poll(() => server.status().subscriptions.length, { timeout: 20_000 }).toBe(2);
    await produce(server, 2 * MAX_BYTES);
    expect([await quick.line(), await slow.line()]).toEqual(['reading', 'reading']);
    const count = `${(2 * MAX_BYTES) / MIB}`;
    expect([await quick.line(), await slow.line()]).toEqual([count, count]);
  });
});

describe('a greedy stream', () => {
  it('never stops another, however long its reader holds on', async () => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES, waitTimeoutMs: 3_000 });
    const writing = produce(server, 2 * MAX_BYTES).catch((error) => error);
    const other = server.publish('other', priceSchema);
    const greedy = bridge.python(`
stream = iter(arrowlab.connect(path).subscribe("prices"))
held = [next(stream) for _ in range(8)]
say("held")
hear()
`);
    await greedy.line();
    const [wait] = await once(server, 'waiting');
    expect(wait).toMatchObject({ stream: 'prices' });
    const peer = await bridge.meet();
    let read = 0;
    const reading = (async () => {
      for await (const batch of peer.subscribe('other')) {
        read++;
        batch.release();
      }
    })();
    const count = (3 * MAX_BYTES) / (MIB / 4);
    for (let i = 0; i < count; i++) await other.write(pricesOf(MIB / 4, i));
    await other.end();
    await reading;
    expect(read).toBe(count);
    const error = await writing;
    expect(error.code).toBe('ERR_ARROWLAB_TIMEOUT');
    expect(error.message).toContain(`pid ${greedy.pid}`);
    expect(error.message).toMatch(/holds \d+ bytes, for \d+ s/);
  });
});

describe('a reader that does something else meanwhile', () => {
  it('is left alone, however much it holds and however long', async () => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const busy = bridge.node(`
const peer = await arrowlab.connect(path);
const subscription = peer.subscribe('prices');
const held = [];
for (let i = 0; i < 12; i++) held.push((await subscription.next()).value);
await sleep(4_000);
let count = held.length;
for (const batch of held) batch.release();
for await (const batch of subscription) {
  count++;
  batch.release();
}
say(count);
await hear();
`);
    await produce(server, 2 * MAX_BYTES);
    expect(await busy.line()).toBe(`${(2 * MAX_BYTES) / MIB}`);
  });
});

describe('a peer that leases what a stream waits for which it does not read', () => {
  const FORGETFUL: [string, () => Program][] = [
    [
      'node',
      () =>
        bridge.node(`
const peer = await arrowlab.connect(path);
for await (const batch of peer.subscribe('prices')) batch.numRows;
say('read');
await hear();
`),
    ],
    [
      'python',
      () =>
        bridge.python(`
gc.disable()
class Holder: pass
peer = arrowlab.connect(path)
for batch in peer.subscribe("prices"):
    holder = Holder()
    holder.self, holder.batch = holder, batch
del holder, batch
say("read")
other = peer.subscribe("never")
try: next(iter(other))
except arrowlab.Error: pass
`),
    ],
  ];

  it.each(FORGETFUL)('collects its garbage too (%s)', async (_, open) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const forgetful = open();
    await produce(server, MAX_BYTES - 2 * MIB);
    expect(await forgetful.line()).toBe('read');
    const stream = server.publish('later', priceSchema, { retain: 'latest' });
    for (let i = 0; i < 32; i++) await stream.write(pricesOf(MIB, i));
    await stream.end();
  });
});

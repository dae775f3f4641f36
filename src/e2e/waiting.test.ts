import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { drain, MIB, priceSchema, pricesOf, producePrices, useBridge } from './bridge.js';

const bridge = useBridge();

const MAX_BYTES = 16 * MIB;

describe('a loop that drops batches without releasing them, and keeps nothing', () => {
  const LOOPS: [string, 'node' | 'python', string][] = [
    [
      'node',
      'node',
      `
const peer = await arrowlab.connect(path);
let sum = 0;
for await (const batch of peer.subscribe('prices')) sum += batch.getChild('price').get(0);
say(sum);
await hear();
`,
    ],
    [
      'node, reference cycles',
      'node',
      `
const peer = await arrowlab.connect(path);
let sum = 0;
for await (const batch of peer.subscribe('prices')) {
  const holder = { batch };
  holder.self = holder;
  sum += holder.self.batch.getChild('price').get(0);
}
say(sum);
await hear();
`,
    ],
    [
      'python',
      'python',
      `
gc.disable()
total = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    total += int(batch.column(0)[0].as_py())
say(total)
hear()
`,
    ],
    [
      'python, reference cycles',
      'python',
      `
gc.disable()
class Holder: pass
total = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    holder = Holder()
    holder.self, holder.batch = holder, batch
    total += int(batch.column(0)[0].as_py())
say(total)
hear()
`,
    ],
  ];

  it.each(LOOPS)('passes 20 times maxBytes (%s)', async (_, language, body) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const producing = producePrices(server, 20 * MAX_BYTES);
    const consumer = bridge.program(language, body);
    await producing;
    const count = (20 * MAX_BYTES) / MIB;
    expect(Number(await consumer.line())).toBe((count * (count - 1)) / 2);
    expect(server.stats().residentBytes).toBeLessThanOrEqual(MAX_BYTES);
  });
});

describe('a greedy stream', () => {
  it('never stops another, however long its reader holds on', async () => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES, waitTimeoutMs: 3_000 });
    const writing = producePrices(server, 2 * MAX_BYTES).catch((error) => error);
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
    const reading = drain(peer, 'other');
    const count = (3 * MAX_BYTES) / (MIB / 4);
    for (let i = 0; i < count; i++) await other.write(pricesOf(MIB / 4, i));
    await other.end();
    expect(await reading).toBe(count);
    const error = await writing;
    expect(error.code).toBe('ERR_ARROWLAB_TIMEOUT');
    expect(error.message).toContain(`pid ${greedy.pid}`);
    expect(error.message).toMatch(/holds \d+ bytes, for \d+ s/);
  });
});

describe('a peer that leases what a stream waits for which it does not read', () => {
  const FORGETFUL: ['node' | 'python', string][] = [
    [
      'node',
      `
const peer = await arrowlab.connect(path);
for await (const batch of peer.subscribe('prices')) batch.numRows;
say('read');
await hear();
`,
    ],
    [
      'python',
      `
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
`,
    ],
  ];

  it.each(FORGETFUL)('collects its garbage too (%s)', async (language, body) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const forgetful = bridge.program(language, body);
    await producePrices(server, MAX_BYTES - 2 * MIB);
    expect(await forgetful.line()).toBe('read');
    const stream = server.publish('later', priceSchema, { retain: 'latest' });
    for (let i = 0; i < 32; i++) await stream.write(pricesOf(MIB, i));
    await stream.end();
  });
});

import { describe, expect, it } from 'vitest';
import { MIB, producePrices, useBridge } from './bridge.js';

const bridge = useBridge();

const MAX_BYTES = 16 * MIB;

describe('a reader that keeps every batch of a stream longer than maxBytes', () => {
  const KEEPERS: ['node' | 'python' | 'rust', string][] = [
    [
      'node',
      `
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
`,
    ],
    [
      'python',
      `
try:
    list(arrowlab.connect(path).subscribe("prices"))
    say("a clean end")
except arrowlab.LeasesExhausted as error:
    say("ERR_ARROWLAB_LEASES_EXHAUSTED", error)
hear()
`,
    ],
    ['rust', 'go'],
  ];

  it.each(KEEPERS)('gets LEASES_EXHAUSTED, which says what to do (%s)', async (language, body) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const waits: unknown[] = [];
    server.on('waiting', (wait) => waits.push(wait));
    const producing = producePrices(server, 2 * MAX_BYTES);
    const keeper = language === 'rust' ? bridge.rust() : bridge.program(language, body);
    if (language === 'rust') keeper.say(body);
    let line = await keeper.line();
    if (line.includes('"ready"')) line = await keeper.line();
    expect(line).toContain('ERR_ARROWLAB_LEASES_EXHAUSTED');
    expect(line).toContain('maxBytes');
    expect(waits[0]).toMatchObject({ stream: 'prices', waitedMs: 0 });
    await producing; // what it held is back: the others' way is free
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });

  const WHOLE: ['node' | 'python', string][] = [
    [
      'node',
      `
const peer = await arrowlab.connect(path);
const table = await peer.readAll('prices');
say(table.numRows, table.batches.at(-1).getChild('price').get(0));
await hear();
`,
    ],
    [
      'python',
      `
table = arrowlab.connect(path).subscribe("prices").read_all()
say(table.num_rows, int(table.column(0).chunk(table.column(0).num_chunks - 1)[0].as_py()))
hear()
`,
    ],
  ];

  it.each(WHOLE)('succeeds where it reads the stream as a whole (%s)', async (language, body) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const producing = producePrices(server, 3 * MAX_BYTES);
    const reader = bridge.program(language, body);
    expect(await reader.line()).toBe(`${(3 * MAX_BYTES) / 8} ${(3 * MAX_BYTES) / MIB - 1}`);
    await producing;
  });
});

describe('a reader that waits for what another one holds', () => {
  const READ: ['node' | 'python', string][] = [
    [
      'node',
      `
const peer = await arrowlab.connect(path);
let count = 0;
for await (const batch of peer.subscribe('prices')) {
  if (++count === 1) say('reading');
  globalThis.last?.release();
  globalThis.last = batch; // as a loop has it that releases at the end of its body
}
say(count);
await hear();
`,
    ],
    [
      'python',
      `
count = 0
for batch in arrowlab.connect(path).subscribe("prices"):
    count += 1
    if count == 1: say("reading")
say(count)
hear()
`,
    ],
  ];

  it.each(READ)('reads on when that one goes on, although it holds a batch itself (%s)', async (language, body) => {
    const server = await bridge.serve({ maxBytes: MAX_BYTES });
    const quick = bridge.program(language, body);
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
    await producePrices(server, 2 * MAX_BYTES);
    expect([await quick.line(), await slow.line()]).toEqual(['reading', 'reading']);
    const count = `${(2 * MAX_BYTES) / MIB}`;
    expect([await quick.line(), await slow.line()]).toEqual([count, count]);
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
    await producePrices(server, 2 * MAX_BYTES);
    expect(await busy.line()).toBe(`${(2 * MAX_BYTES) / MIB}`);
  });
});

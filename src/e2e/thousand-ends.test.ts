import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'apache-arrow';
import { expect, it } from 'vitest';
import { connect, type Server } from '../index.js';
import { drain, firstPrice, footprint, MIB, type Program, priceSchema, pricesOf, useBridge } from './bridge.js';
import { installed } from './installed.js';

const bridge = useBridge();

const seed = Number(process.env.ARROWLAB_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A small generator of numbers in [0, 1): the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = randomFrom(seed);
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

/** Ends a program at some moment, by force or in its own way. */
async function endSomehow(program: Program, words: readonly string[]): Promise<void> {
  await sleep(random() * 12);
  for (const word of words) {
    if (random() < 0.8) program.say(word);
    await sleep(random() * 6);
  }
  if (random() < 0.7) await program.kill();
  else {
    program.child.stdin.end();
    await program.child;
  }
}

const rustConsumer = () => endSomehow(bridge.rust(), ['go', 'release', 'exit']);

const pythonConsumer = async () => {
  const program = bridge.python(`
held = list(arrowlab.connect(path).subscribe("prices"))
say("held")
hear()
`);
  await program.line();
  await endSomehow(program, []);
};

/** A peer in this process that goes after some batches, having released some of them. */
async function ownConsumer(): Promise<void> {
  const peer = await connect(bridge.path);
  const subscription = peer.subscribe('prices');
  const held = [];
  for (let i = random() * 6; i > 1; i--) held.push((await subscription.next()).value!);
  for (const batch of held) if (random() < 0.5) batch.release();
  await peer.close();
  for (const batch of held) if (!batch.isReleased) expect(firstPrice(batch)).toBeGreaterThanOrEqual(0);
  for (const batch of held) batch.release();
}

/** A producer whose process ends, by force, while this process reads. */
async function ownProducer(): Promise<void> {
  const path = `${bridge.path}.producer`;
  const producer = bridge.node(`
const server = await arrowlab.listen({ path: '${path}', inlineBelow: 0 });
const stream = server.publish('prices', pricesOf(8).schema, { retain: 'latest' });
say('listening');
for (let i = 0; ; i++) await stream.write(pricesOf(${MIB / 16}, i));
`);
  await producer.line();
  const peer = await connect(path);
  const reading = drain(peer, 'prices').catch((error) => error);
  await sleep(random() * 20);
  await producer.kill();
  expect(await reading).toMatchObject({ code: 'ERR_ARROWLAB_PRODUCER_GONE' });
  await peer.close();
}

const children = (): string[] =>
  readdirSync('/proc/self/task').flatMap((task) => {
    const path = `/proc/self/task/${task}/children`;
    return existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean) : [];
  });

/** A reader of a stream that is written all the while: it has to see every batch. */
async function steadyReader(server: Server, isOver: () => boolean): Promise<void> {
  const stream = server.publish('steady', priceSchema);
  const peer = await bridge.meet();
  let next = 0;
  const reading = drain(peer, 'steady', (batch) => expect(firstPrice(batch)).toBe(next++));
  let written = 0;
  for (; !isOver(); written++) {
    await stream.write(pricesOf(MIB / 16, written));
    await sleep(2);
  }
  await stream.end();
  expect(await reading).toBe(written);
  server.unpublish('steady');
  await peer.close();
}

const ENDS = 1_000;

it(`after ${ENDS} kills and closes of either side nothing is left, and nobody else noticed (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const server = await bridge.serve({ maxBytes: 64 * MIB });
  await server.publish(
    'prices',
    new Table(
      priceSchema,
      Array.from({ length: 6 }, (_, i) => pricesOf(MIB / 4, i)),
    ),
  );
  const ways = [
    ...Array(60).fill(installed.rust ? rustConsumer : ownConsumer),
    ...Array(31).fill(ownConsumer),
    ...Array(3).fill(pythonConsumer),
    ...Array(6).fill(ownProducer),
  ];
  // What is opened and loaded once is there now: the page map of this process, for one, with the first lease that ends.
  await (await bridge.meet()).readAll('prices');
  for (const way of new Set(ways)) await way();
  const before = { ...footprint(), children: children().length };
  let isOver = false;
  const steady = steadyReader(server, () => isOver);
  for (let ended = 0; ended < ENDS; ended++) await pick(ways)();
  isOver = true;
  await steady;
  await expect
    .poll(() => server.stats().heldBytes, { timeout: 5_000 })
    .toEqual({ 'stream "prices"': 6 * (MIB / 4 + 4096) });
  server.unpublish('prices');
  expect(server.stats().usedBytes).toBe(0);
  await expect.poll(() => ({ ...footprint(), children: children().length }), { timeout: 5_000 }).toEqual(before);
  // A killed producer cannot take its socket away; the server's own is all there is beside it.
  expect(bridge.files().sort()).toEqual(['server.sock', 'server.sock.producer']);
});

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeVector, Table } from 'apache-arrow';
import { listen } from '../../index.js';

// The producer under test. usage: node server.js PATH. "stats": what its region says; "collect": the same after collecting garbage.

const [path] = process.argv.slice(2) as [string];
const server = await listen({ path, inlineBelow: 0, maxBytes: 64 * 2 ** 20 });
const numbers = (from: number) =>
  new Table({ n: makeVector(BigInt64Array.from({ length: 1_000 }, (_, i) => BigInt(from + i))) });
const flights = server.publish('flights', numbers(0).schema, { retain: 'all' });
for (let i = 0; i < 3; i++) await flights.write(numbers(1_000 * i));
await flights.end();
await (await server.publish('empty', numbers(0).schema, { retain: 'all' })).end();

console.log(JSON.stringify(server.stats()));
for await (const line of createInterface(process.stdin)) {
  if (line === 'collect') {
    globalThis.gc?.();
    await sleep(50);
    globalThis.gc?.();
  }
  console.log(JSON.stringify(server.stats()));
}
process.exit(0);

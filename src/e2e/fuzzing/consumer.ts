import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Data, Vector } from 'apache-arrow';
import { ArrowlabError, connect, type Peer } from '../../index.js';

// The consumer under test in Node; consumer.py and fuzz-consumer.rs do the same.
// usage: node consumer.js HOSTILE HONEST. "attack N R": connects N times, R readers each, all of them until the connection is over; answers
// how the first subscriptions of each ended. "honest": how often the stream "honest" was read meanwhile. "collect": collects garbage.

const [hostile, honest] = process.argv.slice(2) as [string, string];
/** A connection on which so many subscriptions end is over. */
const MAX_SUBSCRIPTIONS = 50;
/** So many values of each column are read: all would take most of the time, and rows without buffers cost a liar nothing. */
const VALUES_READ = 20;

/** Some values are valid for Arrow and too large for what apache-arrow makes of them: a date in milliseconds beyond 2^53. */
function readValue(column: Data, row: number): void {
  try {
    String(new Vector([column]).get(row));
  } catch (error) {
    if (!(error instanceof TypeError && error.message.endsWith('is not safe to convert to a number.'))) throw error;
  }
}

async function readStream(peer: Peer): Promise<string> {
  try {
    for await (const batch of peer.subscribe('s', { validate: 'full' })) {
      const step = Math.ceil(batch.numRows / VALUES_READ);
      for (const column of batch.data.children)
        for (let row = 0; row < batch.numRows; row += step) readValue(column, row);
      batch.release();
    }
    return 'END';
  } catch (error) {
    if (error instanceof ArrowlabError) return error.code;
    throw error;
  }
}

async function readAgain(peer: Peer): Promise<string> {
  const first = await readStream(peer);
  for (let i = 1; i < MAX_SUBSCRIPTIONS; i++) if ((await readStream(peer)) === 'ERR_ARROWLAB_CLOSED') break;
  return first;
}

async function attack(readers: number): Promise<string[]> {
  try {
    await using peer = await connect(hostile);
    return await Promise.all(Array.from({ length: readers }, () => readAgain(peer)));
  } catch (error) {
    if (error instanceof ArrowlabError) return [error.code];
    throw error;
  }
}

let rounds = 0;
async function readHonest(): Promise<void> {
  const peer = await connect(honest);
  for (;;) {
    let sum = 0n;
    for await (const batch of peer.subscribe('honest')) {
      for (const value of batch.getChild('n')!.toArray() as BigInt64Array) sum += value;
      batch.release();
    }
    if (sum !== 499_999_500_000n) throw new Error(`expected another sum than ${sum}`);
    rounds++;
    await sleep(5);
  }
}

void readHonest();
console.log(JSON.stringify({ pid: process.pid }));
for await (const line of createInterface(process.stdin)) {
  const [word, count, readers] = line.split(' ');
  if (word === 'attack') {
    const ends = await Promise.all(Array.from({ length: Number(count) }, () => attack(Number(readers))));
    console.log(JSON.stringify(ends));
  } else if (word === 'honest') console.log(JSON.stringify(rounds));
  else {
    globalThis.gc?.();
    await sleep(50);
    globalThis.gc?.();
    console.log(JSON.stringify(rounds));
  }
}
process.exit(0);

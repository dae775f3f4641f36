import { createInterface } from 'node:readline';
import { native } from '../../native.js';
import { Plan } from './plan.js';
import { RawSocket, READY, type Verdict } from './raw-socket.js';

// A consumer that sends what it is told to. usage: node attacker.js PATH. Each line: a JSON array of { bytes (base64), cuts }, each for a
// connection of its own, all at once; the answer: an array of how they ended. It releases nothing that it is not told to.

const [path] = process.argv.slice(2) as [string];
const region = new (native().Region)(1 << 20);

async function attack({ bytes, cuts }: Plan): Promise<Verdict> {
  const socket = new RawSocket(await native().connect(path, region, 'hostile'));
  await socket.send(READY);
  await socket.send(bytes, cuts);
  return socket.finish();
}

console.log(JSON.stringify({ pid: process.pid }));
for await (const line of createInterface(process.stdin)) {
  const plans = (JSON.parse(line) as { bytes: string; cuts: number[] }[]).map(
    ({ bytes, cuts }) => new Plan(Buffer.from(bytes, 'base64'), cuts),
  );
  console.log(JSON.stringify(await Promise.all(plans.map(attack))));
}
process.exit(0);

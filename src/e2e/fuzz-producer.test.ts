import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect, type Peer } from '../index.js';
import type { RegionStats } from '../region/index.js';
import { campaign, Folder, FRAMES, nodeProgram } from './fuzzing/campaign.js';
import { consuming } from './fuzzing/conversation.js';
import { expectation, objection } from './fuzzing/expectation.js';
import { plan } from './fuzzing/mutation.js';
import type { Plan } from './fuzzing/plan.js';
import { ProcessUnderTest } from './fuzzing/process-under-test.js';
import { ProducerModel } from './fuzzing/producer-model.js';
import type { Verdict } from './fuzzing/raw-socket.js';

/** Messages of the streams that the server publishes: the schema, and batches of a thousand numbers. */
const PUBLISHED = new Map([
  ['flights', 4],
  ['empty', 1],
]);
/** After so many connections the attacker is killed, and what it still leases comes free. */
const ATTACKER_LIFE = 200;

let folder: Folder;
let server: ProcessUnderTest;
let attacker: ProcessUnderTest | undefined;
let attacked = 0;
let honest: Peer;

beforeEach(async () => {
  folder = new Folder();
  const { command, args } = nodeProgram('server');
  server = new ProcessUnderTest(command, [...args, folder.socket('server')]);
  await server.ask();
  honest = await connect(folder.socket('server'));
});
afterEach(async () => {
  await honest.close();
  await attacker?.kill();
  await server.kill();
  folder.remove();
});

async function theAttacker(connections: number): Promise<ProcessUnderTest> {
  attacked += connections;
  if (attacker && attacked > ATTACKER_LIFE) await retire();
  if (!attacker) {
    const { command, args } = nodeProgram('attacker');
    attacker = new ProcessUnderTest(command, [...args, folder.socket('server')]);
    await attacker.ask();
  }
  return attacker;
}

async function retire(): Promise<void> {
  await attacker?.kill();
  attacker = undefined;
  attacked = 0;
}

/** Sends each plan on a connection of its own, all at once, while somebody else reads; gives how many frames the server had to deal with. */
async function attack(plans: Plan[]): Promise<number> {
  const sent = plans.map(({ bytes, cuts }) => ({ bytes: bytes.toString('base64'), cuts }));
  const verdicts = (await theAttacker(plans.length)).ask<Verdict[]>(JSON.stringify(sent));
  const [{ numRows }] = await Promise.all([honest.readAll('flights'), verdicts]);
  expect(numRows).toBe(3_000);
  let frames = 0;
  for (const [i, verdict] of (await verdicts).entries()) {
    const expected = expectation(plans[i]!.bytes, new ProducerModel(PUBLISHED));
    const wrong = objection(verdict, expected);
    if (wrong) throw new Error(`connection ${i}: ${wrong}`);
    frames += expected.frames;
  }
  return frames;
}

it('a server answers any frames by the numbers of PROTOCOL.md, serves the others, and keeps nothing', async () => {
  const plans = fc.array(plan(consuming([...PUBLISHED.keys(), 'nothing'])), { minLength: 1, maxLength: 4 });
  await campaign(plans, Math.min(2_000, FRAMES), () => server.isLost, attack);
  await retire();
  const { usedBytes } = await server.ask<RegionStats>('collect');
  const before = server.belongings();
  await campaign(plans, FRAMES, () => server.isLost, attack);
  await retire();
  await expect
    .poll(async () => (await server.ask<RegionStats>('collect')).usedBytes, { timeout: 10_000 })
    .toBe(usedBytes);
  await expect.poll(() => server.gains(before), { timeout: 10_000 }).toEqual({});
  expect(await server.end()).toMatch(/^exit code 0/);
}, 300_000);

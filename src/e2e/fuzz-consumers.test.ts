import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listen, type Server } from '../index.js';
import { CONSUMERS, campaign, Folder, FRAMES, honestTable, smallMessages } from './fuzzing/campaign.js';
import { ConsumerModel } from './fuzzing/consumer-model.js';
import { CONSUMED_STREAMS, type Placed, producing } from './fuzzing/conversation.js';
import { expectation, objection } from './fuzzing/expectation.js';
import { HostileProducer } from './fuzzing/hostile-producer.js';
import { plan } from './fuzzing/mutation.js';
import type { Plan } from './fuzzing/plan.js';
import { ProcessUnderTest } from './fuzzing/process-under-test.js';
import { installed } from './installed.js';

describe('a consumer', () => {
  let folder: Folder;
  let honest: Server;
  let hostile: HostileProducer;
  let messages: Placed[];

  beforeEach(async () => {
    folder = new Folder();
    honest = await listen({ path: folder.socket('honest') });
    await honest.publish('honest', honestTable());
    hostile = new HostileProducer(folder.socket('hostile'));
    messages = smallMessages().map((bytes) => hostile.place(bytes));
  });
  afterEach(async () => {
    hostile.close();
    await honest.close();
    folder.remove();
  });

  /** Sends each plan on a connection of its own, all at once; gives how many frames the consumer had to deal with. */
  async function attack(consumer: ProcessUnderTest, plans: Plan[]): Promise<number> {
    const verdicts = plans.map((plan) => hostile.next(plan, CONSUMED_STREAMS.length));
    await consumer.ask(`attack ${plans.length} ${CONSUMED_STREAMS.length}`);
    let frames = 0;
    for (const [i, verdict] of (await Promise.all(verdicts)).entries()) {
      const expected = expectation(plans[i]!.bytes, new ConsumerModel(messages, hostile.regionBytes));
      const wrong = objection(verdict, expected);
      if (wrong) throw new Error(`connection ${i}: ${wrong}`);
      frames += expected.frames;
    }
    return frames;
  }

  for (const language of ['node', 'python', 'rust'] as const)
    it.runIf(installed[language])(
      `in ${language} answers any frames by the numbers of PROTOCOL.md, reads on elsewhere, and keeps nothing`,
      async () => {
        const { command, args } = CONSUMERS[language]!();
        const consumer = new ProcessUnderTest(command, [...args, folder.socket('hostile'), folder.socket('honest')]);
        const isLost = () => consumer.isLost;
        try {
          await consumer.ask();
          const plans = fc.array(plan(producing(messages)), { minLength: 1, maxLength: 4 });
          await campaign(plans, Math.min(2_000, FRAMES), isLost, (some) => attack(consumer, some));
          await consumer.ask('collect');
          const before = consumer.belongings();
          const rounds = await consumer.ask<number>('honest');
          await campaign(plans, FRAMES, isLost, (some) => attack(consumer, some));
          expect(await consumer.ask<number>('honest')).toBeGreaterThan(rounds);
          await expect
            .poll(() => consumer.gains(before), {
              timeout: 10_000,
            })
            .toEqual({});
          expect(await consumer.end()).toMatch(/^exit code 0/);
        } finally {
          await consumer.kill();
        }
      },
      300_000,
    );
});

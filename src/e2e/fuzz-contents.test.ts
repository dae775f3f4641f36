import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Server } from '../index.js';
import { readIpc } from '../ipc/index.js';
import { placed } from '../ipc/testing/stream.js';
import { findPython } from '../sidecar/index.js';
import { encodeFrame } from '../wire/frames.js';
import { CONSUMERS, campaign, Folder, honestTable } from './fuzzing/campaign.js';
import { HostileProducer } from './fuzzing/hostile-producer.js';
import { Plan } from './fuzzing/plan.js';
import { ProcessUnderTest } from './fuzzing/process-under-test.js';
import { installed } from './installed.js';

/** Streams that each consumer is to read. */
const STREAMS = Number(process.env.ARROWLAB_FUZZ_STREAMS ?? 2_000);
/** Memory that may ever be a consumer's own: what the streams need, a hundred times over, and no mutated length. */
const MAX_PEAK_BYTES = 512 * 2 ** 20;
const WINDOW_MESSAGES = 64;
const EVERY_TYPE = ['small', 'every-type', 'lz4', 'zstd', 'deltas', 'empty'];
/** The files of every_type.py whose streams a consumer reads whole. */
const READABLE: Record<string, string[]> = {
  node: ['node-small', 'node-types', 'deltas'],
  python: EVERY_TYPE,
  rust: EVERY_TYPE,
};

/** Bytes of a message set to something. */
interface Change {
  at: number;
  width: 1 | 4 | 8;
  value: bigint;
}

const anywhere = fc.noBias(fc.nat());
/** Metadata is where a few bytes say most: the first kilobyte or so of each message. */
const inHeader = fc.nat(1_200);
const numbers = fc.oneof(
  fc.constantFrom(0n, 1n, 127n, 128n, 255n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 33n, 2n ** 40n, 2n ** 62n, 2n ** 63n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 5_000n }),
);
const changes = fc.array(
  fc.record<Change>({
    at: fc.oneof(anywhere, inHeader),
    width: fc.constantFrom(1, 4, 8),
    value: numbers,
  }),
  { minLength: 1, maxLength: 4 },
);

/** Fields of flatbuffers, offsets, indices and the lengths of what is compressed lie at multiples of their size. */
function apply(message: Buffer, { at, width, value }: Change): void {
  const offset = (at % message.length) - ((at % message.length) % width);
  for (let i = 0; i < width && offset + i < message.length; i++)
    message[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

/** How a stream may end. */
const OUTCOMES = [
  'END',
  ...['IPC_INVALID', 'IPC_UNSUPPORTED', 'DATA_INVALID', 'TYPE_UNSUPPORTED'].map((name) => `ERR_ARROWLAB_${name}`),
];

/** Which stream, which of its messages, and what happens to it. */
const mutated = fc.tuple(anywhere, anywhere, changes);

describe('a consumer', () => {
  let folder: Folder;
  let honest: Server;
  let hostile: HostileProducer;
  const sources = new Map<string, Uint8Array[]>();

  beforeAll(async () => {
    folder = new Folder();
    honest = await listen({ path: folder.socket('honest') });
    await honest.publish('honest', honestTable());
    hostile = new HostileProducer(folder.socket('hostile'));
    const { command, args } = findPython();
    const program = fileURLToPath(new URL('./every_type.py', import.meta.url));
    execFileSync(command, [...args, program, 'write', folder.path], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (const name of new Set(Object.values(READABLE).flat())) {
      const messages = readIpc(readFileSync(join(folder.path, `${name}.arrows`))).messages();
      const whole = [...messages].map((message) => placed(message).whole);
      expect(whole.length).toBeLessThanOrEqual(WINDOW_MESSAGES);
      sources.set(name, whole);
    }
  });
  afterAll(async () => {
    hostile.close();
    await honest.close();
    folder.remove();
  });

  /** The frames of a whole stream whose messages lie in the region. */
  function streamOf(messages: readonly Uint8Array[]): Plan {
    const stream = 1;
    const frames = [encodeFrame({ type: 'OPEN', stream, reservation: 0n })];
    for (const [i, message] of messages.entries()) {
      const { offset } = hostile.place(message);
      const [sequence, lease, length] = [BigInt(i), BigInt(i + 1), BigInt(message.length)];
      frames.push(encodeFrame({ type: 'DESCRIPTOR', stream, sequence, lease, offset: BigInt(offset), length }));
    }
    frames.push(encodeFrame({ type: 'END', stream, sequence: BigInt(messages.length) }));
    return new Plan(Buffer.concat(frames), []);
  }

  /** Has the consumer read streams, each on a connection of its own, all at once; gives how they ended, in any order. */
  async function read(consumer: ProcessUnderTest, streams: readonly Uint8Array[][]): Promise<string[]> {
    const verdicts = streams.map((messages) => hostile.next(streamOf(messages), 1));
    const ends = (await consumer.ask<string[][]>(`attack ${streams.length} 1`)).flat();
    for (const { error, message, complaint } of await Promise.all(verdicts)) {
      if (complaint) throw new Error(complaint);
      if (error !== null && error !== 30 && error !== 32)
        throw new Error(`expected IPC_INVALID or DATA_INVALID or none, found ${error}: ${message}`);
    }
    const unknown = ends.find((end) => !OUTCOMES.includes(end));
    if (unknown) throw new Error(`expected a stream that is read or refused, found ${unknown}`);
    return ends;
  }

  for (const language of ['node', 'python', 'rust'] as const)
    it.runIf(installed[language])(
      `in ${language} reads or refuses a stream whose bytes were changed, and never takes more memory for it`,
      async () => {
        const { command, args } = CONSUMERS[language]!();
        const consumer = new ProcessUnderTest(command, [...args, folder.socket('hostile'), folder.socket('honest')]);
        const isLost = () => consumer.isLost;
        try {
          await consumer.ask();
          const names = READABLE[language]!;
          for (const name of names)
            expect([name, ...(await read(consumer, [sources.get(name)!]))]).toEqual([name, 'END']);
          let outcomes: Record<string, number> = {};
          const attack = async (several: [number, number, Change[]][]): Promise<number> => {
            const streams = several.map(([which, at, list]) => {
              const messages = [...sources.get(names[which % names.length]!)!];
              const copy = Buffer.from(messages[at % messages.length]!);
              for (const change of list) apply(copy, change);
              messages[at % messages.length] = copy;
              return messages;
            });
            for (const end of await read(consumer, streams)) outcomes[end] = (outcomes[end] ?? 0) + 1;
            return several.length;
          };
          const several = fc.array(mutated, { minLength: 1, maxLength: 6 });
          await campaign(several, STREAMS / 2, isLost, attack); // until V8's heap has the size that it takes
          await consumer.ask('collect');
          const before = consumer.belongings();
          const rounds = await consumer.ask<number>('honest');
          outcomes = {};
          await campaign(several, STREAMS, isLost, attack);
          expect(await consumer.ask<number>('honest')).toBeGreaterThan(rounds);
          expect(outcomes.END).toBeGreaterThan(STREAMS / 50);
          expect(outcomes.ERR_ARROWLAB_IPC_INVALID).toBeGreaterThan(STREAMS / 10);
          expect(outcomes.ERR_ARROWLAB_DATA_INVALID).toBeGreaterThan(STREAMS / 100);
          expect(consumer.peakBytes()).toBeLessThan(MAX_PEAK_BYTES);
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

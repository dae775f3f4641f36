import { chmodSync } from 'node:fs';
import { connect as dial, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, listen, type Server } from '../index.js';
import { native, type Region } from '../native.js';
import { findPython } from '../sidecar/index.js';
import { encodeFrame } from '../wire/frames.js';
import { CONSUMERS, Folder, honestTable, nodeProgram } from './fuzzing/campaign.js';
import { DeafSocket } from './fuzzing/deaf-socket.js';
import { HostileProducer } from './fuzzing/hostile-producer.js';
import { ProcessUnderTest } from './fuzzing/process-under-test.js';
import { RawSocket, READY } from './fuzzing/raw-socket.js';
import { installed } from './installed.js';

const NOBODY = 65_534;
const PEER_REFUSED = 10;
const TOO_MANY_STREAMS = 28;
/** Questions, whose answers are far more than anybody should keep. */
const MANY = 5_000_000;
const MAX_UNREAD_BYTES = 256 * 2 ** 20;

describe('a server', () => {
  let folder: Folder;
  let server: ProcessUnderTest;
  let region: Region;
  beforeEach(async () => {
    folder = new Folder();
    const { command, args } = nodeProgram('server');
    server = new ProcessUnderTest(command, [...args, folder.socket('server')]);
    await server.ask();
    region = new (native().Region)(4_096);
  });
  afterEach(async () => {
    region.close();
    await server.kill();
    folder.remove();
  });

  const raw = async () => new RawSocket(await native().connect(folder.socket('server'), region, 'hostile'));

  async function isServing(): Promise<void> {
    const peer = await connect(folder.socket('server'));
    expect((await peer.readAll('flights')).numRows).toBe(3_000);
    await peer.close();
  }

  it.runIf(process.getuid?.() === 0)('refuses another user, and never shows it the region', async () => {
    const path = folder.socket('server');
    // What keeps others out is the folder and the socket's mode; here somebody has opened both.
    chmodSync(folder.path, 0o755);
    chmodSync(path, 0o666);
    const { command, args } = findPython();
    const program = fileURLToPath(new URL('./raw_peer.py', import.meta.url));
    const { stdout } = await execa(command, [...args, program, '--uid', String(NOBODY), path, 'good']);
    const told = JSON.parse(stdout);
    expect(told.frames.map(([type, number]: [number, number]) => [type, number])).toEqual([[0x02, PEER_REFUSED]]);
    expect([told.closed, told.descriptors]).toEqual([true, 0]);
    await isServing();
  });

  it('serves the others while sixty peers connect and say nothing, and forgets these', async () => {
    await isServing();
    const before = server.belongings();
    const silent: Socket[] = [];
    for (let i = 0; i < 60; i++) silent.push(dial(folder.socket('server')).on('error', () => {}));
    for (let i = 0; i < 10; i++) await isServing();
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())));
    await expect.poll(() => server.gains(before)).toEqual({});
  });

  it('bounds what it keeps for a peer that asks on and on and never reads', async () => {
    await isServing();
    const before = server.belongings();
    const deaf = new DeafSocket(await native().connect(folder.socket('server'), region, 'deaf'));
    const asked = deaf.flood((i) => encodeFrame({ type: 'LIST', stream: 2 * i + 1 }), MANY);
    for (let i = 0; i < 3; i++) await isServing();
    expect(await asked).toBeLessThan(MANY);
    expect(server.peakBytes()).toBeLessThan(before.pss + MAX_UNREAD_BYTES);
    deaf.close();
    await expect.poll(() => server.gains(before)).toEqual({});
  });

  it('opens 1,024 of ten thousand streams, refuses each of the rest alone, and goes on', async () => {
    const socket = await raw();
    await socket.send(READY);
    await socket.expect('READY', 1); // by then the server has all that belongs to the connection
    const before = server.belongings();
    const ask = (i: number) => encodeFrame({ type: 'SUBSCRIBE', stream: 2 * i + 1, credit: 9, name: 'nothing' });
    await socket.send(Buffer.concat(Array.from({ length: 10_000 }, (_, i) => ask(i))));
    await socket.send(encodeFrame({ type: 'LIST', stream: 20_001 }));
    await socket.expect('RESULT', 1);
    const refused = socket.received.filter((frame) => frame.type === 'ERROR');
    expect(refused.map(({ stream }) => stream)).toEqual(
      Array.from({ length: 10_000 - 1_024 }, (_, i) => 2 * (i + 1_024) + 1),
    );
    expect(new Set(refused.map(({ number }) => number))).toEqual(new Set([TOO_MANY_STREAMS]));
    await socket.send(encodeFrame({ type: 'CANCEL', stream: 1 }));
    await socket.send(encodeFrame({ type: 'SUBSCRIBE', stream: 20_003, credit: 9, name: 'flights' }));
    await socket.expect('END', 1);
    expect(await server.gains(before)).toEqual({});
    await isServing();
    expect((await socket.finish()).error).toBe(null);
  });
});

describe('a consumer', () => {
  let folder: Folder;
  let honest: Server;
  let hostile: HostileProducer;
  beforeEach(async () => {
    folder = new Folder();
    honest = await listen({ path: folder.socket('honest') });
    await honest.publish('honest', honestTable());
    hostile = new HostileProducer(folder.socket('hostile'));
  });
  afterEach(async () => {
    hostile.close();
    await honest.close();
    folder.remove();
  });

  for (const language of ['node', 'python', 'rust'] as const)
    it.runIf(installed[language])(
      `in ${language} bounds what it keeps for a producer that asks on and on and never reads`,
      async () => {
        const { command, args } = CONSUMERS[language]!();
        const consumer = new ProcessUnderTest(command, [...args, folder.socket('hostile'), folder.socket('honest')]);
        try {
          await consumer.ask();
          const before = consumer.belongings();
          const flooded = hostile.meet(async (greeted) => {
            const deaf = new DeafSocket(greeted);
            const asked = await deaf.flood((i) => encodeFrame({ type: 'LIST', stream: 2 * i + 2 }), MANY);
            deaf.close();
            return asked;
          });
          const attacked = consumer.ask('attack 1 1').catch((error: Error) => error);
          expect(await flooded).toBeLessThan(MANY);
          expect(await attacked).toEqual([[expect.stringMatching(/^ERR_ARROWLAB_/)]]);
          expect(consumer.peakBytes()).toBeLessThan(before.pss + MAX_UNREAD_BYTES);
          expect(await consumer.end()).toMatch(/^exit code 0/);
        } finally {
          await consumer.kill();
        }
      },
    );
});

import { closeSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ArrowlabError } from '../errors.js';
import { awaitNative, callNative } from '../native.js';
import { Region } from '../region/index.js';
import { Connection } from './connection.js';
import { encodeFrame, type Frame } from './frames.js';
import { FrameReceiver } from './receiver.js';

/** A connection, and the descriptor of its other side, whose handshake is done too. */
async function connected(onFrame?: (frame: Frame, connection: Connection) => void) {
  const regions = [new Region(), new Region()] as const;
  const fds = callNative((addon) => addon.socketPair());
  const [ours, theirs] = await Promise.all(
    regions.map((region, i) => awaitNative((addon) => addon.adopt(fds[i]!, region.native, 'test', 0))),
  );
  const frames: Frame[] = [];
  let ended!: (error: ArrowlabError | undefined) => void;
  const end = new Promise<ArrowlabError | undefined>((resolve) => {
    ended = resolve;
  });
  const connection: Connection = new Connection(ours!, 'connector', {
    onReady() {},
    onFrame: (frame) => (onFrame ? onFrame(frame, connection) : frames.push(frame)),
    onEnd: ended,
  });
  const peer = theirs!.fd;
  writeSync(peer, encodeFrame({ type: 'READY', minor: 0, features: 0n }));
  await connection.ready;
  const dispose = () => {
    connection.dispose();
    closeSync(theirs!.pidfd);
    for (const { mapping } of [ours!, theirs!]) mapping.close();
    for (const region of regions) region.close();
  };
  return { connection, peer, frames, end, dispose };
}

it('reads what the peer said last although sending to it fails first', async () => {
  const { connection, peer, end, dispose } = await connected();
  const message = 'found a lease that is not held';
  writeSync(peer, encodeFrame({ type: 'ERROR', stream: 0, number: 26, message }));
  closeSync(peer);
  connection.send({ type: 'CLOSING' });
  const error = await end;
  expect(error).toMatchObject({ code: 'ERR_ARROWLAB_LEASE_UNKNOWN' });
  expect(error!.message).toContain(message);
  dispose();
});

it('sends releases in one frame, ahead of what is said next', async () => {
  const { connection, peer, dispose } = await connected();
  for (const lease of [1n, 2n, 3n]) connection.release(lease);
  connection.send({ type: 'CREDIT', stream: 1, messages: 2 });
  await new Promise(setImmediate);
  const bytes = Buffer.alloc(256);
  const receiver = new FrameReceiver();
  receiver.push(bytes.subarray(0, readSync(peer, bytes)));
  expect([...receiver.frames()].slice(1)).toEqual([
    { type: 'RELEASE', leases: [1n, 2n, 3n] },
    { type: 'CREDIT', stream: 1, messages: 2 },
  ]);
  closeSync(peer);
  dispose();
});

it('delivers everything in order to a peer that reads late', async () => {
  const { connection, peer, end, dispose } = await connected();
  const count = 20_000; // more than the socket's buffers hold
  for (let at = 1; at <= count; at++) {
    connection.send({ type: 'RESULT', stream: at, json: 'x'.repeat(at % 100) });
    if (at % 1_000 === 0) await new Promise(setImmediate);
  }
  const socket = new Socket({ fd: peer });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  connection.close();
  await new Promise((resolve) => socket.once('end', resolve));
  socket.destroy();
  await end;
  const bytes = Buffer.concat(chunks);
  let at = encodeFrame({ type: 'READY', minor: 0, features: 0n }).length;
  for (let stream = 1; stream <= count; stream++) {
    expect(bytes.readUInt32LE(at + 8)).toBe(stream);
    at += bytes.readUInt32LE(at);
  }
  expect(at).toBe(bytes.length);
  dispose();
});

it('lets a peer ask as much as it likes, if it reads the answers, although there is always something unread when it asks', async () => {
  const { connection, peer, end, dispose } = await connected(({ type }, connection) => {
    if (type === 'LIST') connection.send({ type: 'RESULT', stream: 1, json: `"${'x'.repeat(60_000)}"` });
  });
  let error: ArrowlabError | undefined;
  void end.then((found) => {
    error = found;
  });
  const socket = new Socket({ fd: peer });
  let read = 0;
  socket.on('data', ({ length }) => {
    read += length;
  });
  for (let asked = 1; asked <= 40; asked++) {
    socket.pause();
    // More than the socket's buffers hold.
    for (let i = 0; i < 20; i++)
      connection.send({ type: 'INLINE', stream: 1, sequence: 0n, bytes: new Uint8Array(60_000) });
    await new Promise(setImmediate);
    writeSync(peer, encodeFrame({ type: 'LIST', stream: 1 }));
    await sleep(5);
    socket.resume();
    await expect.poll(() => error ?? read, { interval: 2 }).toBeGreaterThan(asked * 1_260_000);
  }
  socket.destroy();
  dispose();
});

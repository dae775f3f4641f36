import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { awaitNative, callNative } from '../native.js';
import { Region } from '../region/index.js';
import { encodeFrame } from '../wire/frames.js';
import { Endpoint } from './endpoint.js';

/** Types of frames, by PROTOCOL.md, section 4. */
const [READY, CLOSING, SUBSCRIBE, RELEASE] = [0x01, 0x03, 0x10, 0x12];

function typesOf(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) types.push(bytes[at + 4]!);
  return types;
}

it('says CLOSING before the socket ends, although the last lease is released in the same turn', async () => {
  const endpoint = new Endpoint({}, false);
  const region = new Region();
  const fds = callNative((addon) => addon.socketPair());
  const [ours, theirs] = await Promise.all([
    awaitNative((addon) => addon.adopt(fds[0]!, endpoint.region.native, 'consumer', 0)),
    awaitNative((addon) => addon.adopt(fds[1]!, region.native, 'producer', 0)),
  ]);
  const session = endpoint.attach(ours, 'connector');
  const socket = new Socket({ fd: theirs.fd });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const ended = new Promise((resolve) => socket.once('end', resolve));
  writeSync(theirs.fd, encodeFrame({ type: 'READY', minor: 0, features: 0n }));
  await session.ready;
  const subscription = session.subscribe('prices', {});
  const at = { stream: 1, sequence: 0n, lease: 1n, offset: 0n, length: 64n };
  const message = session.consumer.holdings.lease({ type: 'DESCRIPTOR', ...at });
  message.keep();
  const frames = [
    encodeFrame({ type: 'OPEN', stream: 1, reservation: 0n }),
    encodeFrame({ type: 'END', stream: 1, sequence: 0n }),
  ];
  writeSync(theirs.fd, Buffer.concat(frames));
  expect(await subscription.next()).toMatchObject({ done: true });
  const closing = session.close();
  message.letGo();
  await Promise.all([closing, ended]);
  expect(typesOf(Buffer.concat(chunks))).toEqual([READY, SUBSCRIBE, RELEASE, CLOSING]);
  socket.destroy();
  for (const one of [endpoint.region, region]) one.close();
});

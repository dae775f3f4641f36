import { channel } from 'node:diagnostics_channel';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '../bridge/index.js';
import { bytesSink } from '../ipc/index.js';
import { callNative } from '../native.js';
import { PeerProcess } from './peer-process.js';
import type { TransferSource } from './source.js';
import type { Sent, Way } from './transfer.js';

/** How to start a transfer peer. */
export interface PeerCommand {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
}

const STREAM = 'transfer';
/** How long a peer that could not be greeted may take to say why. */
const EXPLANATION_MS = 1_000;
const END_OF_STREAM = Buffer.from('ffffffff00000000', 'hex');
const sending = channel('arrowlab:sending');

/** Starts a peer with one end of a new pair of sockets; the other end is the caller's. */
function startPeer(
  { command, args, env }: PeerCommand,
  mode: string,
  more: string[],
): { peer: PeerProcess; fd: number } {
  const [fd, theirs] = callNative((addon) => addon.socketPair());
  const peer = new PeerProcess(command, [...args, ...more, '--stream', STREAM, '--mode', mode], theirs, env);
  closeSync(theirs);
  return { peer, fd };
}

/** Through shared memory: each message is placed in the region once, peers read it there. */
export class SharedWay implements Way {
  readonly name = 'shared';
  readonly #server: Server;
  readonly #adoptions = new Map<PeerProcess, Promise<void>>();

  constructor(
    readonly peerCommand: PeerCommand,
    options: { maxBytes: number; inlineBelow?: number | undefined },
  ) {
    this.#server = new Server(options);
  }

  start(args: string[]): PeerProcess {
    const { peer, fd } = startPeer(this.peerCommand, 'shared', args);
    this.#adoptions.set(peer, this.#server.adopt(fd, peer));
    return peer;
  }

  async connect(peer: PeerProcess): Promise<void> {
    try {
      await Promise.all([this.#adoptions.get(peer), peer.ready()]);
    } catch (error) {
      // A peer that fails before it greets may say why itself.
      await Promise.race([peer.ready(), sleep(EXPLANATION_MS, undefined, { ref: false })]);
      throw error;
    }
  }

  async send(source: TransferSource): Promise<Sent> {
    const { writtenBytes, batches, writtenRows: rows } = await source.publish(this.#server, STREAM);
    return { payloadBytes: writtenBytes, batches, rows };
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** Through a socket: each message is encoded into one buffer, used again and again, and written to every peer. */
export class CopiedWay implements Way {
  readonly name = 'copied';
  readonly #sockets: { socket: Socket; pid: number }[] = [];

  constructor(readonly peerCommand: PeerCommand) {}

  start(args: string[]): PeerProcess {
    const { peer, fd } = startPeer(this.peerCommand, 'copied', args);
    const socket = new Socket({ fd, readable: true, writable: true });
    socket.on('error', () => {}); // the peer's end is noticed where its next event is awaited
    this.#sockets.push({ socket, pid: peer.pid });
    return peer;
  }

  connect(peer: PeerProcess): Promise<void> {
    return peer.ready();
  }

  async send(source: TransferSource): Promise<Sent> {
    const sent = { payloadBytes: 0, batches: 0, rows: 0 };
    let buffer = new Uint8Array(0);
    for (const message of source.messages()) {
      if (buffer.length < message.byteLength) buffer = new Uint8Array(message.byteLength);
      message.placeInto(bytesSink(buffer));
      sent.payloadBytes += message.byteLength;
      if (message.kind === 'batch') {
        sent.batches++;
        sent.rows += message.rows;
      }
      await this.#writeAll(buffer.subarray(0, message.byteLength), message.kind);
    }
    await this.#writeAll(END_OF_STREAM, 'end');
    return sent;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#sockets) socket.destroy();
  }

  async #writeAll(bytes: Uint8Array, kind: string): Promise<void> {
    await Promise.all(
      this.#sockets.map(({ socket, pid }) => {
        if (sending.hasSubscribers) sending.publish({ pid, stream: STREAM, kind });
        return new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
      }),
    );
  }
}

import { createInterface } from 'node:readline';
import { execa, type ResultPromise } from 'execa';
import { ArrowlabError } from '../errors.js';

/** What a transfer peer holds, as it says itself (PROTOCOL.md, section 10). */
export interface Held {
  schema: { name: string; type: string; nullable: boolean }[];
  batches: number;
  rows: number;
  buffers: number;
  buffersInMap: number;
  inlineBytes: number;
  outsideBytes: number;
  allocatedBytes: number | null;
  anonBytes: number;
  readableNs: string[];
  cpuMs: number;
  checksums: Record<string, string>;
}

type PeerEvent =
  | { event: 'ready'; language: string; pid: number }
  | ({ event: 'held' } & Held)
  | { event: 'released' }
  | { event: 'error'; code: string; message: string };

/** How long a peer that was told to end may take, in milliseconds. */
const GRACE_MS = 5_000;
/** How long a peer may take until it is ready; then it is killed. */
const START_MS = 30_000;

/** A transfer peer (PROTOCOL.md, section 10) that this process started, with a socket as its descriptor 3. */
export class PeerProcess {
  readonly #child: ResultPromise;
  readonly #events: AsyncIterator<PeerEvent>;
  /** What the peer is written in, once it is ready. */
  language = '';
  #ready: Promise<void> | undefined;

  /** Starts the peer. `socketFd` stays the caller's, to close once this returns. */
  constructor(command: string, args: string[], socketFd: number, env: NodeJS.ProcessEnv = {}) {
    this.#child = execa(command, [...args, '--fd', '3'], {
      stdio: ['pipe', 'pipe', 'inherit', socketFd as unknown as 'inherit'],
      buffer: false,
      reject: false,
      cleanup: false, // at its own end the peer reads the end of its standard input; and a signal is ours to handle
      forceKillAfterDelay: GRACE_MS,
      env,
    } as const) as unknown as ResultPromise;
    this.#child.stdin!.on('error', () => {}); // a peer that is gone is noticed where its next event is awaited
    this.#events = readEvents(this.#child);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  isAlive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  say(word: 'go' | 'release' | 'exit'): void {
    this.#child.stdin!.write(`${word}\n`);
  }

  /** Waits until the peer is connected and has loaded everything; asked again, it answers the same. */
  ready(): Promise<void> {
    this.#ready ??= this.#expectReady();
    return this.#ready;
  }

  async #expectReady(): Promise<void> {
    const timer = setTimeout(() => this.kill(), START_MS);
    const { language } = await this.expect('ready').finally(() => clearTimeout(timer));
    this.language = language;
  }

  /** Waits for the next event, which has to be `name`. Throws PEER_FAILED, or the error that the peer reports. */
  async expect<N extends PeerEvent['event']>(name: N): Promise<PeerEvent & { event: N }> {
    const { value, done } = await this.#events.next();
    if (done) {
      const { exitCode, signal, originalMessage } = await this.#child;
      throw new ArrowlabError(
        'PEER_FAILED',
        `expected the peer to say "${name}", found that it ended (${originalMessage ?? signal ?? `exit code ${exitCode}`})`,
      );
    }
    if (value.event === 'error')
      throw new ArrowlabError('PEER_FAILED', `the peer failed with ${value.code}: ${value.message}`);
    if (value.event !== name)
      throw new ArrowlabError('PEER_FAILED', `expected the peer to say "${name}", found "${value.event}"`);
    return value as PeerEvent & { event: N };
  }

  /** Tells the peer to end and waits until it has; kills it when it does not. */
  async close(): Promise<void> {
    if (this.isAlive()) this.say('exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS);
    await this.#child;
    clearTimeout(timer);
  }

  /** Ends the peer at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

async function* readEvents(child: ResultPromise): AsyncGenerator<PeerEvent, undefined> {
  for await (const line of createInterface({ input: child.stdout! })) {
    try {
      yield JSON.parse(line) as PeerEvent;
    } catch (cause) {
      throw new ArrowlabError(
        'PEER_FAILED',
        `expected a JSON object from the peer, found ${JSON.stringify(line.slice(0, 200))}`,
        { cause },
      );
    }
  }
  return undefined;
}

import { type Greeted, type Listener, native, type Region } from '../../native.js';
import type { Placed } from './conversation.js';
import type { Plan } from './plan.js';
import { RawSocket, READY, type Verdict } from './raw-socket.js';

const REGION_BYTES = 1 << 30;
const PAGE_BYTES = 4_096;

/** Listens on a path, greets as one should, and then sends what it is told to. */
export class HostileProducer {
  readonly regionBytes = REGION_BYTES;
  readonly #region: Region;
  readonly #listener: Listener;
  readonly #appointments: ((greeted: Greeted) => void)[] = [];
  #next = 0;

  constructor(path: string) {
    this.#region = new (native().Region)(REGION_BYTES);
    this.#listener = new (native().Listener)(path, this.#region, 'hostile', (_, greeted) => {
      if (greeted) this.#appointments.shift()?.(greeted);
    });
  }

  /** Writes a message to an extent of its own. The region is a ring: what was placed long ago is overwritten. */
  place(bytes: Uint8Array): Placed {
    const capacity = Math.ceil(bytes.length / PAGE_BYTES) * PAGE_BYTES;
    if (this.#next + capacity > REGION_BYTES) this.#next = 0;
    const offset = this.#next;
    this.#next += capacity;
    this.#region.write(offset, bytes);
    return { bytes, offset };
  }

  /** Does this with the next that connects. */
  meet<T>(converse: (greeted: Greeted) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#appointments.push((greeted) => void converse(greeted).then(resolve, reject));
    });
  }

  /** What the next that connects is sent once it has subscribed so often; resolves when the connection is over. */
  next({ bytes, cuts }: Plan, subscriptions: number): Promise<Verdict> {
    return this.meet(async (greeted) => {
      const socket = new RawSocket(greeted);
      await socket.send(READY);
      await socket.expect('SUBSCRIBE', subscriptions);
      await socket.send(bytes, cuts);
      return socket.finish();
    });
  }

  close(): void {
    this.#listener.close();
    this.#region.close();
  }
}

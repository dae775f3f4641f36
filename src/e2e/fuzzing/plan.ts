import fc from 'fast-check';
import { FrameReceiver } from '../../wire/receiver.js';

/** What is sent on one connection. */
export class Plan {
  constructor(
    readonly bytes: Buffer,
    readonly cuts: number[],
  ) {}

  /** For people: its frames, and what comes after the last whole one. */
  [fc.toStringMethod](): string {
    const receiver = new FrameReceiver();
    receiver.push(this.bytes);
    const said: string[] = [];
    try {
      for (const frame of receiver.frames()) said.push(JSON.stringify(frame, shortened));
    } catch (error) {
      said.push(String(error));
    }
    return `${said.join('\n')}\ncut at ${this.cuts}`;
  }
}

const shortened = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
};

import fc from 'fast-check';
import { encodeFrame, type Frame } from '../../wire/frames.js';

/** Streams that a consumer under test subscribes to at once, and then waits for. */
export const CONSUMED_STREAMS = [1, 3, 5, 7];
/** Messages that may be sent of one stream without waiting for credit: what each consumer grants at first. */
export const WINDOW_MESSAGES = 64;

/** A message that lies in the producer's region, and may travel inline as well. */
export interface Placed {
  bytes: Uint8Array;
  offset: number;
}

const steps = fc.array(fc.noBias(fc.nat()), { minLength: 1, maxLength: 160, size: 'max' });

/** What a well-behaved producer may say: it answers four subscriptions, and asks for a few things itself. */
export function producing([schema, ...batches]: readonly Placed[]): fc.Arbitrary<Buffer[]> {
  return steps.map((choices) => {
    const messages = CONSUMED_STREAMS.map(() => -1); // -1: not open; -2: over
    let [lease, asked] = [0n, 0];
    const ask = (): number => {
      asked += 2;
      return asked;
    };
    return choices.map((choice): Buffer => {
      const which = choice % CONSUMED_STREAMS.length;
      const stream = CONSUMED_STREAMS[which]!;
      const kind = (choice >>> 2) % 24;
      if (kind === 0) return encodeFrame({ type: 'WAITING', stream: 0, needed: 1n << 20n, held: 0n });
      if (kind <= 4) {
        if (kind === 1) return encodeFrame({ type: 'SUBSCRIBE', stream: ask(), credit: 9, name: 'anything' });
        if (kind === 2) return encodeFrame({ type: 'CALL', stream: ask(), credit: 1, name: 'sum', parameters: '[]' });
        if (asked > 0 && kind === 3) return encodeFrame({ type: 'CREDIT', stream: asked, messages: 3 });
        if (asked > 0 && choice % 3 === 0) return encodeFrame({ type: 'CANCEL', stream: asked });
        return encodeFrame({ type: 'LIST', stream: ask() });
      }
      const count = messages[which]!;
      if (count === -2) return encodeFrame({ type: 'LIST', stream: ask() });
      if (count === -1) {
        messages[which] = 0;
        return encodeFrame({ type: 'OPEN', stream, reservation: 0n });
      }
      if (count > 0 && kind === 5) return encodeFrame({ type: 'WAITING', stream, needed: 4096n, held: 0n });
      const sequence = BigInt(count);
      if (count === WINDOW_MESSAGES || (count > 0 && kind === 6)) {
        messages[which] = -2;
        if (choice % 5 > 0) return encodeFrame({ type: 'END', stream, sequence });
        return encodeFrame({ type: 'ERROR', stream, number: 41, message: 'the disk is full' });
      }
      messages[which] = count + 1;
      const { bytes, offset } = count === 0 ? schema! : batches[choice % batches.length]!;
      if (kind % 2 === 0) return encodeFrame({ type: 'INLINE', stream, sequence, bytes });
      const length = BigInt(bytes.length);
      return encodeFrame({ type: 'DESCRIPTOR', stream, sequence, lease: ++lease, offset: BigInt(offset), length });
    });
  });
}

/** What a well-behaved consumer may say to a server that publishes these names. It guesses which leases it holds. */
export function consuming(names: readonly string[]): fc.Arbitrary<Buffer[]> {
  return steps.map((choices) => {
    let [last, released] = [-1, 0n];
    const say = (frame: Frame) => encodeFrame(frame);
    const open = (): number => {
      last += 2;
      return last;
    };
    const subscribe = (choice: number) =>
      say({ type: 'SUBSCRIBE', stream: open(), credit: choice % 9, name: names[choice % names.length]! });
    return choices.map((choice): Buffer => {
      const known = last < 1 ? 1 : 1 + 2 * (choice % ((last + 1) / 2));
      switch (last < 1 ? 0 : (choice >>> 3) % 10) {
        case 0:
        case 1:
        case 2:
          return subscribe(choice);
        case 3:
          return say({ type: 'LIST', stream: open() });
        case 4:
          return say({ type: 'CALL', stream: open(), credit: 1, name: 'sum', parameters: '{"a":1}' });
        case 5:
          return say({ type: 'CANCEL', stream: known });
        case 6:
          return released < BigInt(last) / 4n ? say({ type: 'RELEASE', leases: [++released] }) : subscribe(choice);
        case 7:
          return say({ type: 'WAITING', stream: 0, needed: 8n, held: 8n });
        default:
          return say({ type: 'CREDIT', stream: known, messages: 1 + (choice % 5) });
      }
    });
  });
}

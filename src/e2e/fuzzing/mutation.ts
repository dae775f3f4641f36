import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Plan } from './plan.js';

const vectors: Record<'valid' | 'invalid', { hex: string }[]> = JSON.parse(
  readFileSync(new URL('../../wire/vectors/frames.json', import.meta.url), 'utf8'),
);
const GOLDEN = [...vectors.valid, ...vectors.invalid].map(({ hex }) => Buffer.from(hex, 'hex'));

/** Changes a list of frames in one place. */
export type Mutation = (frames: Buffer[]) => void;

/** Numbers at the edge of something. */
const word = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    2n,
    7n,
    8n,
    64n,
    255n,
    4_095n,
    4_096n,
    65_535n,
    65_536n,
    2n ** 20n,
    2n ** 31n,
    2n ** 32n - 1n,
  ),
  fc.constantFrom(2n ** 32n, 2n ** 48n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 4_096n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

const place = fc.noBias(fc.nat());

/** Changes one frame where there is one; `change` gets a copy of it. */
const onFrame =
  (at: number, change: (frame: Buffer) => Buffer): Mutation =>
  (frames) => {
    if (frames.length > 0) frames[at % frames.length] = change(Buffer.from(frames[at % frames.length]!));
  };

const insert =
  (at: number, bytes: Buffer): Mutation =>
  (frames) => {
    frames.splice(at % (frames.length + 1), 0, bytes);
  };

const bitFlip = fc.tuple(place, place).map(([at, bit]) =>
  onFrame(at, (frame) => {
    if (frame.length > 0) frame[(bit >> 3) % frame.length]! ^= 1 << (bit & 7);
    return frame;
  }),
);

/** A field of 4 or 8 bytes set to something; the ones in front are what frames are made of, so they are hit most. */
const field = fc
  .tuple(place, fc.oneof({ weight: 4, arbitrary: fc.nat(11) }, fc.nat(200)), fc.boolean(), word)
  .map(([at, index, isLong, value]) =>
    onFrame(at, (frame) => {
      const offset = 4 * index;
      if (isLong && offset + 8 <= frame.length) frame.writeBigUInt64LE(value, offset);
      else if (offset + 4 <= frame.length) frame.writeUInt32LE(Number(value & 0xffffffffn), offset);
      return frame;
    }),
  );

const stream = fc.tuple(place, fc.oneof(fc.nat(12), fc.noBias(fc.nat()))).map(([at, value]) =>
  onFrame(at, (frame) => {
    if (frame.length >= 12) frame.writeUInt32LE(value >>> 0, 8);
    return frame;
  }),
);

/** Cut off, its length left as it was or mended. */
const truncation = fc.tuple(place, place, fc.boolean()).map(([at, length, isMended]) =>
  onFrame(at, (frame) => {
    const rest = frame.subarray(0, length % Math.max(1, frame.length));
    if (isMended && rest.length >= 4) rest.writeUInt32LE(rest.length, 0);
    return rest;
  }),
);

const duplication = fc.tuple(place, place).map(
  ([at, to]): Mutation =>
    (frames) => {
      if (frames.length > 0) insert(to, frames[at % frames.length]!)(frames);
    },
);
const deletion = place.map(
  (at): Mutation =>
    (frames) =>
      void frames.splice(at % Math.max(1, frames.length), 1),
);
const exchange = fc.tuple(place, place).map(
  ([a, b]): Mutation =>
    (frames) => {
      if (frames.length === 0) return;
      const [i, j] = [a % frames.length, b % frames.length];
      [frames[i], frames[j]] = [frames[j]!, frames[i]!];
    },
);
const golden = fc.tuple(place, fc.constantFrom(...GOLDEN)).map(([at, bytes]) => insert(at, bytes));
const noise = fc
  .tuple(place, fc.uint8Array({ minLength: 1, maxLength: 300, size: 'max' }))
  .map(([at, bytes]) => insert(at, Buffer.from(bytes)));

/** Everything that may happen to a conversation. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: bitFlip },
  { weight: 5, arbitrary: field },
  { weight: 3, arbitrary: stream },
  { weight: 1, arbitrary: truncation },
  { weight: 3, arbitrary: duplication },
  { weight: 2, arbitrary: deletion },
  { weight: 3, arbitrary: exchange },
  { weight: 4, arbitrary: golden },
  { weight: 1, arbitrary: noise },
);

/** Where the socket's bytes are cut: nowhere, or into pieces of these lengths, over and over. */
const pieces = fc.oneof(
  { weight: 6, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.constant<number[]>([1]) },
  { weight: 2, arbitrary: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 }) },
);
const MAX_CUTS = 300;

/** A conversation with some of its frames changed, cut into pieces; or nothing but noise. */
export function plan(conversation: fc.Arbitrary<Buffer[]>): fc.Arbitrary<Plan> {
  const changed = fc
    .tuple(conversation, fc.array(mutation, { maxLength: 4, size: 'max' }))
    .map(([frames, mutations]) => {
      const copy = [...frames];
      for (const mutate of mutations) mutate(copy);
      return Buffer.concat(copy);
    });
  const pure = fc.uint8Array({ minLength: 1, maxLength: 4_096, size: 'max' }).map((bytes) => Buffer.from(bytes));
  const bytes = fc.oneof({ weight: 30, arbitrary: changed }, { weight: 1, arbitrary: pure });
  return fc.tuple(bytes, pieces).map(([bytes, lengths]) => new Plan(bytes, cutsOf(bytes.length, lengths)));
}

function cutsOf(byteLength: number, lengths: number[]): number[] {
  const cuts: number[] = [];
  for (let at = 0, i = 0; lengths.length > 0 && cuts.length < MAX_CUTS; i++) {
    at += lengths[i % lengths.length]!;
    if (at >= byteLength) break;
    cuts.push(at);
  }
  return cuts;
}

import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrowlabError } from '../errors.js';
import { decodeFrame, encodeFrame, type Frame } from './frames.js';
import { FrameReceiver } from './receiver.js';

interface Vector {
  name: string;
  type: string;
  fields: Record<string, unknown>;
  hex: string;
  crc32: string;
  error: string;
}
const vectors: { valid: Vector[]; invalid: Vector[] } = JSON.parse(
  readFileSync(new URL('./vectors/frames.json', import.meta.url), 'utf8'),
);
const bytesOf = ({ hex }: Vector) => Buffer.from(hex, 'hex');

/** A frame's fields as the vectors write them. */
function fieldsOf({ type: _, ...fields }: Frame): Record<string, unknown> {
  const plain = (value: unknown): unknown =>
    typeof value === 'bigint'
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : Array.isArray(value)
          ? value.map(plain)
          : value;
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)]));
}

/** The frames of some chunks, which all come in the same memory. */
function receive(chunks: Buffer[]): Frame[] {
  const receiver = new FrameReceiver();
  const memory = Buffer.alloc(Math.max(0, ...chunks.map(({ length }) => length)));
  return chunks.flatMap((chunk) => {
    chunk.copy(memory);
    receiver.push(memory.subarray(0, chunk.length));
    return structuredClone([...receiver.frames()]);
  });
}

describe('frames', () => {
  it.each([...vectors.valid, ...vectors.invalid])('vector "$name" is as it was written', (vector) => {
    expect(crc32(bytesOf(vector)).toString(16).padStart(8, '0')).toBe(vector.crc32);
  });

  it.each(vectors.valid)('"$name" decodes to its fields and encodes to its bytes', (vector) => {
    const frame = decodeFrame(bytesOf(vector));
    expect(frame.type).toBe(vector.type);
    expect(fieldsOf(frame)).toEqual(vector.fields);
    expect(encodeFrame(frame).toString('hex')).toBe(vector.hex);
  });

  it.each(vectors.invalid)('"$name" is refused by its name', (vector) => {
    const code = `ERR_ARROWLAB_${vector.error}`;
    expect(() => receive([bytesOf(vector)])).toThrow(expect.objectContaining({ code }));
    expect(() => receive([...bytesOf(vector)].map((byte) => Buffer.of(byte)))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('come out the same however the socket cuts them', () => {
    const all = Buffer.concat(vectors.valid.map(bytesOf));
    const whole = receive([all]).map(fieldsOf);
    expect(whole).toHaveLength(vectors.valid.length);
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), all.length];
        const chunks = places.slice(1).map((end, i) => all.subarray(places[i], end));
        expect(receive(chunks).map(fieldsOf)).toEqual(whole);
      }),
    );
  });

  it('are refused by an ArrowlabError, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.nat(vectors.valid.length - 1),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (which, place, value) => {
          const bytes = bytesOf(vectors.valid[which]!);
          bytes[place % bytes.length] = value;
          try {
            receive([bytes]);
          } catch (error) {
            expect(error).toBeInstanceOf(ArrowlabError);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

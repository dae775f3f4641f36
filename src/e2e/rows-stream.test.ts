import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Draft } from '../bridge/draft.js';
import type { RowWriter } from '../bridge/index.js';
import { dictionary, float64, int32, type LeasedBatch, list, nullable, schema, utf8 } from '../index.js';
import { MIB, useBridge } from './bridge.js';

const bridge = useBridge();

const people = schema({ id: int32(), name: nullable(utf8()), height: float64() });
const person = (id: number) => ({ id, name: id % 3 === 0 ? null : `person ${id}`, height: id / 2 });
const personTo = (end: number, first = 0) => Array.from({ length: end - first }, (_, i) => person(first + i));

/** Rows of one long text: a few of them fill a batch. */
const texts = schema({ text: utf8() });
const text = (byteLength: number, letter = 'x') => ({ text: letter.repeat(byteLength) });

const ids = (batch: LeasedBatch): number[] => Array.from(batch.getChild('id')!.toArray() as Int32Array);

/** Reads a stream at once, batch by batch: what `look` gives of each. */
async function read<T>(name: string, look: (batch: LeasedBatch) => T): Promise<T[]> {
  const seen: T[] = [];
  for await (const batch of (await bridge.meet()).subscribe(name)) {
    seen.push(look(batch));
    batch.release();
  }
  return seen;
}

async function appendAll<T>(writer: RowWriter<T>, rows: readonly T[]): Promise<void> {
  for (const row of rows) await writer.append(row);
}

describe('rows that are appended to a stream', () => {
  it('arrive in order, in batches of so many rows, and what is left with the end', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const reading = read('people', ids);
    const writer = stream.rows(people, { batchRows: 400, maxLatencyMs: 60_000 });
    await appendAll(writer, personTo(1_000));
    expect(writer.rows).toBe(1_000);
    await stream.end();
    const batches = await reading;
    expect(batches.flat()).toEqual(personTo(1_000).map(({ id }) => id));
    expect(batches.map(({ length }) => length)).toEqual([400, 400, 200]);
    expect(() => writer.append(person(0))).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_CLOSED' }));
  });

  it('are sent when they are old, and by a flush', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const subscription = (await bridge.meet()).subscribe('people')[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await subscription.next();
      const found = ids(value!);
      value!.release();
      return found;
    };
    const writer = stream.rows(people, { maxLatencyMs: 30 });
    writer.append(person(1));
    writer.append(person(2));
    expect(await next()).toEqual([1, 2]);
    const patient = stream.rows(people, { maxLatencyMs: 60_000 });
    patient.append(person(3));
    await sleep(100);
    expect(stream.batches).toBe(1);
    await patient.flush();
    expect(await next()).toEqual([3]);
    await patient.flush();
    expect(stream.batches).toBe(2);
  });

  it('of two writers on one stream all arrive, each in its order', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const reading = read('people', ids);
    const [one, other] = [stream.rows(people, { batchRows: 7 }), stream.rows(people, { batchRows: 11 })];
    for (let i = 0; i < 100; i++) {
      await one.append(person(i));
      await other.append(person(1_000 + i));
    }
    await stream.end();
    const found = (await reading).flat();
    expect(found.filter((id) => id < 1_000)).toEqual(personTo(100).map(({ id }) => id));
    expect(found.filter((id) => id >= 1_000)).toEqual(personTo(1_100, 1_000).map(({ id }) => id));
  });

  it('come from generators and streams of objects too', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const reading = read('people', ids);
    const writer = stream.rows(people, { batchRows: 10 });
    await writer.appendMany(personTo(25));
    await writer.appendMany(Readable.from(personTo(50, 25)));
    await stream.end();
    expect((await reading).flat()).toEqual(personTo(50).map(({ id }) => id));
  });

  it('that are wrong are named by row and path, and nothing of them arrives', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const reading = read('people', (batch) => batch.toArray().map((row) => row!.toJSON()));
    const writer = stream.rows(people, { batchRows: 4 });
    const wrong = (row: object) => () => writer.append(row as never);
    for (const row of personTo(10)) {
      expect(wrong({ ...row, height: 'tall' })).toThrow(`row ${row.id}: height: expected a number, found "tall"`);
      expect(wrong({ ...row, id: 2 ** 31 })).toThrow(new RegExp(`^row ${row.id}: id: expected`));
      expect(wrong({ ...row, name: 'a\ud800' })).toThrow(/^row \d+: name: expected .*surrogate/);
      expect(wrong({ name: 'nobody' })).toThrow(/^row \d+: id: expected .*found nothing/);
      await writer.append(row);
    }
    await stream.end();
    expect((await reading).flat()).toEqual(personTo(10));
  });
});

describe('a writer of rows whose reader is slow', () => {
  const sends = vi.spyOn(Draft.prototype, 'send');
  beforeEach(() => void sends.mockClear());
  afterAll(() => sends.mockRestore());

  /** A stream whose only reader reads when it is told to. */
  async function begin(maxBytes: number) {
    const server = await bridge.serve({ maxBytes });
    const stream = server.publish('texts', texts);
    const batches = (await bridge.meet()).subscribe('texts');
    await batches.schema;
    const writer = stream.rows(texts, { batchRows: 64, maxLatencyMs: 60_000 });
    const drain = async () => {
      const found: string[] = [];
      for await (const batch of batches) {
        found.push(...Array.from(batch.getChild('text')!, (value) => (value as string).slice(0, 12).trim()));
        batch.release();
      }
      return found;
    };
    return { server, stream, writer, drain };
  }

  /** Numbered texts of 16 KiB. */
  const numbered = (i: number) => ({ text: String(i).padEnd(16_384) });

  it('is asked to wait, and the memory stays bounded', async () => {
    const { server, stream, writer, drain } = await begin(32 * MIB);
    let rows = 0;
    let stalled: Promise<void> | undefined;
    for (; !stalled && rows < 8_000; rows++) {
      const room = writer.append(numbered(rows));
      if (room && (await Promise.race([room, sleep(300, 'stalled')])) === 'stalled') stalled = room;
    }
    expect(stalled).toBeDefined();
    expect(rows * 16_384).toBeLessThan(40 * MIB);
    const reading = drain();
    await stalled;
    for (; rows < 8_000; rows++) await writer.append(numbered(rows));
    expect(server.stats().residentBytes).toBeLessThanOrEqual(33 * MIB);
    await stream.end();
    expect(await reading).toEqual(Array.from({ length: 8_000 }, (_, i) => String(i)));
  });

  it('that does not wait is refused at last, and loses nothing that was appended before', async () => {
    const { stream, writer, drain } = await begin(16 * MIB);
    let rows = 0;
    const append = () => {
      for (; rows < 100_000; rows++) void writer.append(numbered(rows))?.catch(() => {});
    };
    expect(append).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }));
    expect(writer.rows).toBe(rows);
    const reading = drain();
    await writer.flush();
    await writer.append(numbered(rows++));
    await stream.end();
    expect(await reading).toEqual(Array.from({ length: rows }, (_, i) => String(i)));
  });

  it('goes on on the heap while the region has no room, and in place again afterwards', async () => {
    const { server, stream, writer, drain } = await begin(16 * MIB);
    const copied = () => stream.batches - sends.mock.calls.length;
    let rows = 0;
    // Until batches have the size that these rows need.
    for (; rows < 200; rows++) await writer.append(numbered(rows));
    await writer.flush();
    expect(sends).toHaveBeenCalled();
    const before = copied();
    for (; server.stats().usedBytes < 15 * MIB; rows++) void writer.append(numbered(rows))?.catch(() => {});
    for (const end = rows + 200; rows < end; rows++) void writer.append(numbered(rows))?.catch(() => {});
    const reading = drain();
    await writer.flush();
    const between = copied();
    expect(between).toBeGreaterThan(before);
    for (const end = rows + 1_000; rows < end; rows++) await writer.append(numbered(rows));
    await stream.end();
    expect(copied()).toBeLessThanOrEqual(between + 1);
    expect(await reading).toEqual(Array.from({ length: rows }, (_, i) => String(i)));
  });
});

describe('rows of little', () => {
  it('lie in place once it is known how little', async () => {
    const server = await bridge.serve();
    const small = schema({ tags: list(utf8()), id: int32() });
    const stream = server.publish('small', small);
    const reading = read('small', (batch) => batch.numRows);
    const writer = stream.rows(small, { batchRows: 10_000, maxLatencyMs: 60_000 });
    for (let id = 0; id < 200_000; id++) await writer.append({ tags: ['four'], id });
    await stream.end();
    await reading;
    const { writtenBytes, inPlaceBytes } = stream.status();
    expect(inPlaceBytes).toBeGreaterThan(0.8 * writtenBytes);
  });
});

describe('a row that is large', () => {
  it('grows the room where it fits no batch', async () => {
    const server = await bridge.serve({ maxBytes: 64 * MIB });
    const stream = server.publish('texts', texts);
    const reading = read('texts', (batch) => Array.from(batch.getChild('text')!, (value) => (value as string).length));
    const writer = stream.rows(texts, { batchRows: 100, maxLatencyMs: 60_000 });
    const lengths = [10, 5 * MIB, 10, 20 * MIB, 0, 100];
    for (const length of lengths) await writer.append(text(length));
    await stream.end();
    expect((await reading).flat()).toEqual(lengths);
  });

  it('is refused by name where it is larger than the region may be; all others arrive', async () => {
    const server = await bridge.serve({ maxBytes: 8 * MIB });
    const stream = server.publish('texts', texts);
    const reading = read('texts', (batch) => Array.from(batch.getChild('text')!, (value) => (value as string).length));
    const writer = stream.rows(texts, { maxLatencyMs: 60_000 });
    await writer.append(text(10));
    const refused = {
      code: 'ERR_ARROWLAB_MEMORY_LIMIT',
      message: expect.stringMatching(/^row 1: .* at most 8.* bytes/),
    };
    expect(() => writer.append(text(9 * MIB))).toThrow(expect.objectContaining(refused));
    await writer.append(text(20));
    await stream.end();
    expect((await reading).flat()).toEqual([10, 20]);
    await expect.poll(() => server.stats().usedBytes).toBe(0);
  });
});

describe('rows that nobody waits for', () => {
  const kinds = schema({ kind: dictionary(utf8()), id: int32(), one: float64() });

  it('arrive whole and in order in a small region, with dictionaries that need room before them', async () => {
    const server = await bridge.serve({ maxBytes: MIB, waitTimeoutMs: 2_000 });
    const stream = server.publish('kinds', kinds);
    const writer = stream.rows(kinds, { batchRows: 1_500, maxLatencyMs: 60_000 });
    for (let id = 0; id < 80_000; id++) void writer.append({ id, kind: `value number ${id % 3_000}`, one: id });
    const reading = read('kinds', ids);
    await writer.flush();
    await stream.end();
    expect((await reading).flat()).toEqual(Array.from({ length: 80_000 }, (_, id) => id));
  });

  it('are not followed by others where sending some of them has failed', async () => {
    const server = await bridge.serve({ maxBytes: MIB, waitTimeoutMs: 100 });
    const stream = server.publish('people', people, { retain: 'all' });
    const writer = stream.rows(people, { batchRows: 4_000, maxLatencyMs: 60_000 });
    const append = async () => {
      for (let id = 0; id < 200_000; id++) await writer.append(person(id));
    };
    await expect(append()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
    const sent = stream.writtenRows;
    expect(() => writer.append(person(0))).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }));
    await expect(stream.end()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
    expect(stream.writtenRows).toBe(sent);
  });

  it('hold nothing, and trouble nobody, once their server is closed or their stream unpublished', async () => {
    const server = await bridge.serve({ maxBytes: 8 * MIB });
    for (const name of ['one', 'other']) {
      const stream = server.publish(name, people);
      const writer = stream.rows(people, { maxLatencyMs: 20 });
      for (let id = 0; id < 5_000; id++) writer.append(person(id));
      if (name === 'one') server.unpublish(name);
      else await server.close();
      expect(() => writer.append(person(1))).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_CLOSED' }));
      await sleep(40);
      if (name === 'one') expect(server.stats().usedBytes).toBe(0);
    }
  });

  it('are sent when they are old although the first one was refused', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people, { retain: 'latest' });
    const writer = stream.rows(people, { maxLatencyMs: 20 });
    expect(() => writer.append({ ...person(0), id: 'x' } as never)).toThrow('row 0: id');
    expect(server.stats().usedBytes).toBeLessThan(MIB);
    await sleep(40);
    writer.append(person(0));
    await expect.poll(() => stream.writtenRows).toBe(1);
  });

  it('come after the end of their stream in vain, and are told', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people, { retain: 'all' });
    const writer = stream.rows(people);
    writer.append(person(0));
    const ended = stream.end();
    expect(() => writer.append(person(1))).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_CLOSED' }));
    await ended;
    expect(stream.writtenRows).toBe(1);
  });
});

describe('the end of a stream that takes rows', () => {
  it('by a failure drops what was not sent', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const reading = read('people', ids);
    const writer = stream.rows(people, { maxLatencyMs: 60_000 });
    await appendAll(writer, personTo(10));
    await writer.flush();
    await appendAll(writer, personTo(20, 10));
    await stream.fail(new Error('the source broke'));
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ARROWLAB_STREAM_FAILED' });
    expect(stream.writtenRows).toBe(10);
    expect(server.stats().usedBytes).toBeLessThan(MIB);
    await expect(writer.flush()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
  });

  it('is not a reader that dies: the next one gets what comes', async () => {
    const server = await bridge.serve();
    const stream = server.publish('people', people);
    const dying = bridge.python(`
batches = arrowlab.connect(path).subscribe("people")
say(next(batches).num_rows)
hear()
`);
    const writer = stream.rows(people, { batchRows: 100 });
    const first = (async () => appendAll(writer, personTo(100)))();
    expect(await dying.line()).toBe('100');
    await first;
    await dying.kill();
    await expect.poll(() => stream.subscribers).toBe(0);
    const reading = read('people', ids);
    await expect.poll(() => stream.subscribers).toBe(1);
    await appendAll(writer, personTo(300, 100));
    await stream.end();
    expect((await reading).flat()).toEqual(personTo(300, 100).map(({ id }) => id));
    expect(server.stats().usedBytes).toBe(0);
  });
});

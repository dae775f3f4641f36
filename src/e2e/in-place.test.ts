import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  Bool,
  Dictionary,
  Field,
  Float64,
  Int32,
  List,
  Schema,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { InPlaceBatch } from '../index.js';
import { drain, firstPrice, MIB, priceSchema, useBridge } from './bridge.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const bridge = useBridge();

const nested = new Schema([
  new Field('price', new Float64(), true),
  new Field('name', new Utf8(), false),
  new Field('tags', new List(new Field('item', new Int32(), false)), false),
  new Field('where', new Struct([new Field('lat', new Float64(), false)]), false),
  new Field('kind', new Dictionary(new Utf8(), new Int32(), 7), false),
]);

const KINDS = vectorFromArray(['bid', 'ask'], new Utf8());

/** Three rows, of the five there is room for. */
function fillNested(batch: InPlaceBatch): void {
  const price = batch.column('price');
  (price.values as Float64Array).set([1.5, 0, 2.5]);
  price.validity![0]! &= ~2;
  const name = batch.column('name');
  name.valueOffsets!.set([0, 1, 1, 4] as never);
  for (const [i, byte] of Buffer.from('abcd').entries()) name.data![i] = byte;
  const tags = batch.column('tags');
  tags.valueOffsets!.set([0, 2, 2, 3] as never);
  for (const [i, tag] of [7, 8, 9].entries()) tags.children[0]!.values![i] = tag;
  (batch.column('where').children[0]!.values as Float64Array).set([10, 20, 30]);
  (batch.column('kind').values as Int32Array).set([1, 0, 1]);
}

const READ = `
import json
for batch in arrowlab.connect(path).subscribe("nested"):
    batch.validate(full=True)
    say(json.dumps(batch.to_pylist()))
hear()
`;

const ROWS = [
  { price: 1.5, name: 'a', tags: [7, 8], where: { lat: 10 }, kind: 'ask' },
  { price: null, name: '', tags: [], where: { lat: 20 }, kind: 'bid' },
  { price: 2.5, name: 'bcd', tags: [9], where: { lat: 30 }, kind: 'ask' },
];

describe('a batch that is filled in place', () => {
  it('is read as it was filled, and validates in full', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested);
    const reader = bridge.python(READ);
    for (let i = 0; i < 3; i++) {
      using batch = await stream.allocate({ rows: 5, dataBytes: { name: 4 }, childRows: 3 });
      fillNested(batch);
      await batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
      expect(JSON.parse(await reader.line())).toEqual(ROWS);
    }
    await stream.end();
  });

  it('is read where it ends long before its extent does', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested);
    const reader = bridge.python(READ);
    const batch = await stream.allocate({ rows: 100_000 });
    fillNested(batch);
    await batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
    expect(JSON.parse(await reader.line())).toEqual(ROWS);
  });

  it('is filled by a file that is read straight into it', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    const file = join(bridge.folder, 'prices.bin');
    writeFileSync(
      file,
      Float64Array.from({ length: 10_000 }, (_, i) => i / 2),
    );
    const batch = await stream.allocate({ rows: 10_000 });
    const fd = openSync(file, 'r');
    expect(readSync(fd, batch.column('price').values as Float64Array)).toBe(80_000);
    closeSync(fd);
    await batch.commit();
    await stream.end();
    expect(stream.status().inPlaceBytes).toBeGreaterThan(80_000);
    await drain(await bridge.meet(), 'prices', (leased) => {
      for (let row = 0; row < 10_000; row++) expect(leased.getChild('price')!.get(row)).toBe(row / 2);
    });
    expect(stream.batches).toBe(1);
  });

  it('is out of reach of whoever filled it as soon as it is committed', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    const batch = await stream.allocate({ rows: 8 });
    const values = batch.column('price').values as Float64Array;
    values.fill(3);
    const committing = batch.commit();
    expect(values.length).toBe(0);
    await committing;
    expect(() => batch.columns).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_RELEASED' }));
    await expect(batch.commit()).rejects.toMatchObject({ code: 'ERR_ARROWLAB_RELEASED' });
    await stream.end();
    const peer = await bridge.meet();
    const found: number[] = [];
    await drain(peer, 'prices', (leased) => found.push(firstPrice(leased), leased.numRows));
    expect(found).toEqual([3, 8]);
  });

  it('is not taken for garbage to collect, however large', async () => {
    const server = await bridge.serve();
    const columns = Array.from({ length: 8 }, (_, i) => new Field(`c${i}`, new Float64(), false));
    const stream = server.publish('large', new Schema(columns), { retain: 'latest' });
    const next = async () => (await stream.allocate({ rows: MIB })).commit();
    await next(); // V8 is lent a window's bytes
    let collections = 0;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[])
        if (entry.detail.kind !== constants.NODE_PERFORMANCE_GC_MINOR) collections++;
    });
    observer.observe({ entryTypes: ['gc'] });
    for (let i = 0; i < 150; i++) await next();
    await sleep(10);
    observer.disconnect();
    expect(collections).toBeLessThan(4);
  });

  it('says by name which column has too little room, and can be mended', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested, { retain: 'all' });
    using batch = await stream.allocate({ rows: 5, dataBytes: 3, childRows: 2 });
    fillNested(batch);
    const commit = () => batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
    await expect(commit()).rejects.toThrow(/column "name": expected offsets up to 3, found 4: .*dataBytes/);
    batch.column('name').valueOffsets![3] = 3 as never;
    await expect(commit()).rejects.toThrow(/column "tags.item": expected room for 3 rows, found 2: .*childRows/);
    batch.column('tags').valueOffsets![3] = 2 as never;
    await expect(batch.commit({ rows: 3 })).rejects.toThrow(/column "kind": expected the dictionary/);
    await expect(batch.commit({ rows: 6 })).rejects.toThrow(/rows from 0 to 5/);
    await expect(batch.commit({ rows: 3, nullCounts: { price: 4 } })).rejects.toThrow(/"price".* from 0 to 3, found 4/);
    await commit();
    expect(stream.writtenRows).toBe(3);
  });

  it('is checked before anybody reads it: offsets, indices, text', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested, { retain: 'all' });
    const mistakes: [string, (batch: InPlaceBatch) => unknown][] = [
      ['name', (batch) => batch.column('name').valueOffsets!.fill(3 as never, 1, 2)],
      ['tags', (batch) => batch.column('tags').valueOffsets!.fill(3 as never, 1, 2)],
      ['name', (batch) => batch.column('name').data!.fill(0xff, 0, 1)],
      ['kind', (batch) => (batch.column('kind').values as Int32Array).fill(2, 2, 3)],
    ];
    for (const [path, mistake] of mistakes) {
      using batch = await stream.allocate({ rows: 5 });
      fillNested(batch);
      mistake(batch);
      const commit = batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
      await expect(commit).rejects.toMatchObject({
        code: 'ERR_ARROWLAB_DATA_INVALID',
        message: expect.stringContaining(path),
      });
      fillNested(batch);
      await batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
    }
    expect(stream.batches).toBe(mistakes.length);
  });

  it('is as it was filled after a commit that was refused', async () => {
    const server = await bridge.serve();
    const fields = [new Field('is', new Bool(), true), nested.fields.at(-1)!];
    const stream = server.publish('bits', new Schema(fields), { retain: 'all' });
    const batch = await stream.allocate({ rows: 16 });
    const [is, kind] = [batch.column('is'), batch.column('kind').values as Int32Array];
    is.values!.fill(0xff as never);
    is.validity![0] = 0xfe;
    kind.fill(0);
    kind[2] = 2;
    await expect(batch.commit({ rows: 3 })).rejects.toThrow(/column "kind": expected the dictionary/);
    await expect(batch.commit({ rows: 3, dictionaries: { kind: KINDS } })).rejects.toThrow(/an index below 2/);
    expect([...is.values!, ...is.validity!]).toEqual([0xff, 0xff, 0xfe, 0xff]);
    kind[2] = 1;
    await batch.commit({ dictionaries: { kind: KINDS } });
    await stream.end();
    await drain(await bridge.meet(), 'bits', (leased) =>
      expect([...leased.getChild('is')!]).toEqual([null, ...Array(15).fill(true)]),
    );
  });

  it('says what is no dictionary of its column before anything is given up', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested, { retain: 'all' });
    const batch = await stream.allocate({ rows: 5 });
    fillNested(batch);
    const numbers = vectorFromArray([1, 2], new Int32());
    const nothing = { data: [], length: 0 };
    const short = { data: KINDS.data, length: 1 };
    for (const kind of [undefined, null, [], ['bid', 'ask'], 'x', nothing, short, numbers])
      for (const validate of ['full', 'structure'] as const) {
        const dictionaries = { kind: kind as Vector };
        await expect(batch.commit({ rows: 3, dictionaries, validate })).rejects.toMatchObject({
          code: 'ERR_ARROWLAB_INVALID_ARGUMENT',
          message: expect.stringMatching(/^column "kind": .*dictionar/),
        });
      }
    await batch.commit({ rows: 3, dictionaries: { kind: KINDS } });
    expect(stream.batches).toBe(1);
  });

  it('is given up where its dictionary finds no memory in time', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB, waitTimeoutMs: 50 });
    const stream = server.publish('nested', nested, { retain: 'all' });
    const other = server.publish('prices', priceSchema, { retain: 'all' });
    using holding = await other.allocate({ rows: MIB });
    const batch = await stream.allocate({ rows: 5 });
    fillNested(batch);
    const long = vectorFromArray(['bid', 'a'.repeat(8 * MIB)], new Utf8());
    await expect(batch.commit({ rows: 3, dictionaries: { kind: long } })).rejects.toMatchObject({
      code: 'ERR_ARROWLAB_TIMEOUT',
    });
    expect(() => batch.columns).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_RELEASED' }));
    expect(holding.columns).toHaveLength(1);
  });

  it('has columns of any names, such as every object has', async () => {
    const server = await bridge.serve();
    const names = ['constructor', 'toString', '__proto__', 'a'];
    const schema = new Schema(names.map((name) => new Field(name, new Utf8(), true)));
    const stream = server.publish('names', schema, { retain: 'all' });
    const batch = await stream.allocate({ rows: 4, dataBytes: { a: 100 } });
    expect(batch.columns.map(({ data }) => data!.length)).toEqual([64, 64, 64, 100]);
    for (const { valueOffsets } of batch.columns) valueOffsets!.fill(0 as never);
    await batch.commit({ nullCounts: { a: 0 } });
    expect(stream.writtenRows).toBe(4);
  });

  it('has room for what was asked at first, also where the options change meanwhile', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    const options = { rows: 1_000 };
    const allocating = stream.allocate(options);
    options.rows = 10;
    await (await allocating).commit();
    expect(stream.writtenRows).toBe(1_000);
  });

  it('says what to allocate it with', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested);
    const invalid = { code: 'ERR_ARROWLAB_INVALID_ARGUMENT' };
    for (const options of [
      undefined,
      null,
      {},
      { rows: -1 },
      { rows: 1, dataBytes: null },
      { rows: 1, childRows: 'x' },
    ])
      await expect(stream.allocate(options as never)).rejects.toMatchObject(invalid);
  });

  it('knows its columns by their paths', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested, { retain: 'all' });
    const wrong = (code: string) => ({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT', message: expect.stringContaining(code) });
    await expect(stream.allocate({ rows: 1, dataBytes: { price: 8 } })).rejects.toMatchObject(wrong('"name"'));
    await expect(stream.allocate({ rows: 1, childRows: { 'tags.item': 8 } })).rejects.toMatchObject(wrong('"tags"'));
    using batch = await stream.allocate({ rows: 1 });
    await expect(batch.commit({ rows: 0, nullCounts: { prize: 0 } })).rejects.toMatchObject(wrong('"price"'));
    await expect(batch.commit({ rows: 0, dictionaries: { knd: KINDS } })).rejects.toMatchObject(wrong('"kind"'));
  });

  it('finds nothing of what lay there before in its bitmaps and offsets', async () => {
    const server = await bridge.serve();
    const stream = server.publish('nested', nested, { retain: 'latest' });
    for (let i = 0; i < 4; i++) {
      const batch = await stream.allocate({ rows: 100 });
      const price = batch.column('price');
      expect([...price.validity!].every((byte) => byte === 0xff)).toBe(true);
      expect(batch.column('name').valueOffsets![0]).toBe(0);
      for (const column of batch.columns) if (column.values) new Uint8Array(column.values.buffer).fill(0xaa);
      batch.abort();
    }
  });
});

describe('a batch that is never committed', () => {
  it('gives its memory back when it is given up, by an exception too', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    for (let i = 0; i < 10; i++) {
      const failing = async () => {
        using batch = await stream.allocate({ rows: MIB });
        (batch.column('price').values as Float64Array)[0] = 1;
        throw new Error('no');
      };
      await expect(failing()).rejects.toThrow('no');
    }
    expect(server.stats().usedBytes).toBeLessThan(MIB);
  });

  it('gives its memory back when it is forgotten, but not while somebody can write to it', async () => {
    const server = await bridge.serve({ maxBytes: 64 * MIB });
    const stream = server.publish('prices', priceSchema, { retain: 'all' });
    let values: Float64Array | undefined;
    const forget = async () => {
      const batch = await stream.allocate({ rows: MIB });
      values = batch.column('price').values as Float64Array;
      values.fill(5);
    };
    await forget();
    const collect = async () => {
      collectGarbage();
      await sleep(20);
      return server.stats().usedBytes;
    };
    for (let i = 0; i < 5; i++) expect(await collect()).toBeGreaterThan(8 * MIB);
    expect(values![MIB - 1]).toBe(5);
    values = undefined;
    await expect.poll(collect).toBeLessThan(MIB);
  });

  it('frees what waits for its memory when it is aborted', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const stream = server.publish('prices', priceSchema, { retain: 'all', reserveBytes: 0 });
    const first = await stream.allocate({ rows: MIB });
    const second = stream.allocate({ rows: MIB });
    await sleep(50);
    expect(server.stats().waiting).toHaveLength(1);
    first.abort();
    (await second).abort();
    await expect(stream.allocate({ rows: 4 * MIB })).rejects.toMatchObject({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' });
  });

  it('is given up with its stream', async () => {
    const server = await bridge.serve();
    const stream = server.publish('prices', priceSchema);
    const batch = await stream.allocate({ rows: MIB });
    const committing = batch.commit(); // waits for a subscriber
    await stream.fail(new Error('no more'));
    await expect(committing).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
    expect(server.stats().usedBytes).toBeLessThan(MIB);
    await expect(stream.allocate({ rows: 1 })).rejects.toMatchObject({ code: 'ERR_ARROWLAB_CLOSED' });
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Field, FixedSizeBinary, Schema, type Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { dictionary, float64, int32, list, MutableTable, nullable, protobufRows, schema, utf8 } from '../index.js';
import { drain, MIB, priceSchema, useBridge } from './bridge.js';

const bridge = useBridge();

const people = schema({
  id: int32(),
  name: nullable(utf8()),
  kind: dictionary(utf8()),
  marks: list(float64()),
});

const person = (id: number) => ({
  id,
  name: id % 3 === 0 ? null : `person ${id}`,
  kind: `kind ${id % 50}`,
  marks: Array.from({ length: id % 4 }, (_, i) => id + i / 2),
});

const peopleTo = (count: number) => Array.from({ length: count }, (_, id) => person(id));

const rowsOf = (table: Table): unknown[] =>
  table.toArray().map((row) => {
    const { id, name, kind, marks } = row!;
    return { id, name, kind, marks: [...marks] };
  });

describe('a table that rows are appended to', () => {
  it.each(['the heap', 'the region'])(
    'on %s shows what was there when it was asked, while rows are appended',
    async (where) => {
      const server = await bridge.serve({ maxBytes: 64 * MIB });
      using table = new MutableTable(people, {
        batchRows: 128,
        memory: where === 'the region' ? server.memory : undefined,
      });
      const snapshots: { rows: number; snapshot: Table }[] = [];
      for (const row of peopleTo(1_000)) {
        if (row.id % 90 === 0) snapshots.push({ rows: row.id, snapshot: table.snapshot() });
        if (row.id % 7 === 0)
          expect(() => table.append({ ...row, marks: [1, 'x'] } as never)).toThrow(`row ${row.id}: marks[1]`);
        table.append(row);
      }
      expect(table.numRows).toBe(1_000);
      for (const { rows, snapshot } of snapshots) expect(rowsOf(snapshot)).toEqual(peopleTo(rows));
      expect(rowsOf(table.snapshot())).toEqual(peopleTo(1_000));
    },
  );

  it('gives the names of an enum, of messages in protobuf', () => {
    const file = join(bridge.folder, 'note.proto');
    writeFileSync(
      file,
      'syntax = "proto3"; enum Kind { NONE = 0; CALL = 1; } message Note { int32 id = 1; Kind kind = 2; }',
    );
    const notes = protobufRows(file, 'Note', { enums: 'dictionary', malformed: 'skip' });
    const table = new MutableTable(notes);
    table.append(Uint8Array.of(0x08, 7, 0x10, 1));
    table.append(Uint8Array.of(0x08)); // cut off
    table.append(Uint8Array.of(0x08, 8, 0x18, 1)); // a field that nobody knows
    const snapshot = table.snapshot();
    expect([...snapshot.getChild('kind')!]).toEqual(['CALL', 'NONE']);
    expect(notes.skipped).toEqual({ unknownFields: 1, malformed: 1 });
  });

  it('holds new rows alone after it was cleared, and snapshots on the heap keep the old ones', () => {
    const table = new MutableTable(people, { batchRows: 64 });
    table.appendMany(peopleTo(500));
    const before = table.snapshot();
    table.clear();
    expect(table.numRows).toBe(0);
    expect(table.snapshot().numRows).toBe(0);
    table.appendMany(peopleTo(30));
    expect(rowsOf(table.snapshot())).toEqual(peopleTo(30));
    expect(rowsOf(before)).toEqual(peopleTo(500));
  });

  it('in the region gives its memory back when it is cleared or disposed of, and says when there is none', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const wide = schema({ text: utf8() });
    const text = { text: 'x'.repeat(100) };
    for (let round = 0; round < 5; round++) {
      using table = new MutableTable(wide, { memory: server.memory });
      const append = () => {
        for (let i = 0; i < 1_000_000; i++) table.append(text);
      };
      expect(append).toThrow(expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }));
      expect(table.numRows).toBeGreaterThan(10_000);
      expect(table.snapshot().numRows).toBe(table.numRows);
      expect(server.stats().usedBytes).toBeGreaterThan(4 * MIB);
      if (round % 2 === 0) {
        table.clear();
        expect(server.stats().usedBytes).toBe(0);
        table.append(text);
        expect(table.snapshot().get(0)!.text).toBe(text.text);
      }
    }
    expect(server.stats().usedBytes).toBe(0);
  });

  it('is published as any other', async () => {
    const server = await bridge.serve();
    using table = new MutableTable(people, { batchRows: 100, memory: server.memory });
    table.appendMany(peopleTo(333));
    await server.publish('people', table.snapshot());
    table.clear();
    let id = 0;
    await drain(await bridge.meet(), 'people', (batch) => {
      for (const row of batch) expect(row.kind).toBe(person(id++).kind);
    });
    expect(id).toBe(333);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses batches of %d rows', (batchRows) => {
    expect(() => new MutableTable(people, { batchRows })).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_INVALID_ARGUMENT' }),
    );
  });

  it('in the region leaves to streams what they have reserved', async () => {
    const server = await bridge.serve({ maxBytes: 64 * MIB });
    server.publish('prices', priceSchema, { retain: 'latest', reserveBytes: 32 * MIB });
    const wide = new Schema([new Field('bytes', new FixedSizeBinary(40 * MIB), false)]);
    using table = new MutableTable<object>(wide, { memory: server.memory });
    expect(() => table.append({ bytes: new Uint8Array(40 * MIB) })).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_MEMORY_LIMIT' }),
    );
    expect(server.stats().usedBytes).toBe(0);
  });

  it.each(Array.from({ length: 15 }, (_, i) => 2 * i))(
    'cleared %i turns after its snapshot was written sends the rows of the snapshot, or nothing',
    async (turns) => {
      const server = await bridge.serve({ maxBytes: 16 * MIB });
      const stream = server.publish('people', people, { retain: 'all' });
      using table = new MutableTable(people, { memory: server.memory });
      table.appendMany(peopleTo(900));
      const snapshot = table.snapshot();
      const written = stream.write(snapshot).then(
        () => undefined,
        (error: { code?: string }) => error.code ?? error,
      );
      for (let turn = 0; turn < turns; turn++) await null;
      table.clear();
      const code = await written;
      if (code) {
        expect(code).toBe('ERR_ARROWLAB_RELEASED');
        expect(stream.batches).toBe(0);
        return;
      }
      await stream.end();
      let id = 0;
      await drain(await bridge.meet(), 'people', (batch) => {
        for (const row of batch) expect(row.name).toBe(person(id++).name);
      });
      expect(id).toBe(900);
    },
  );

  it('in the region leaves nothing to read in snapshots of what was cleared, whatever takes its memory', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    using table = new MutableTable(people, { memory: server.memory });
    table.appendMany(peopleTo(1_500));
    const snapshot = table.snapshot();
    table.clear();
    table.appendMany(peopleTo(1_500).map((row) => ({ ...row, id: -1, marks: [-1] })));
    for (const { data } of snapshot.batches) {
      const [id, name, kind, marks] = data.children;
      for (const { values, valueOffsets } of [id!, name!, kind!, marks!, marks!.children[0]!])
        for (const view of [values, valueOffsets]) expect(view?.length ?? 0).toBe(0);
    }
  });
});

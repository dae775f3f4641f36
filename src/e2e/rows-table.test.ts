import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { dictionary, float64, int32, list, MutableTable, nullable, protobufRows, schema, utf8 } from '../index.js';
import { drain, MIB, useBridge } from './bridge.js';

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
});

import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Draft } from '../bridge/draft.js';
import { toArrowSchema } from '../columns/arrow-js.js';
import {
  type ArrayNode,
  type BatchPlan,
  type ParsedField,
  type ParsedSchema,
  RowBatcher,
  type Target,
} from '../columns/index.js';
import { rowFormat } from '../columns/rows/index.js';
import { arbitraryRows, arbitrarySchema, jsonOf, takesNull } from '../columns/testing/random-rows.js';
import { endOfStream, heapSink, type OutgoingMessage, StreamEncoder } from '../ipc/index.js';
import { findPython } from '../sidecar/index.js';
import { MIB, useBridge } from './bridge.js';
import { ProcessUnderTest } from './fuzzing/process-under-test.js';
import { installed } from './installed.js';

/** What a process answers about a case. */
type Verdict = { error?: string; rows?: number; batches?: number; built?: number; read?: number; checked?: number };

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A process that is asked about cases; one that finds fault with a case is started again for the next. */
class Judge {
  readonly #start: () => ProcessUnderTest;
  #process: ProcessUnderTest | undefined;

  constructor(start: () => ProcessUnderTest) {
    this.#start = start;
  }

  /** Throws what is wrong with the case. */
  async ask(line: string): Promise<Verdict> {
    this.#process ??= this.#start();
    try {
      const verdict = await this.#process.ask<Verdict>(line);
      if (verdict.error) throw new Error(verdict.error);
      return verdict;
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }
}

function pyarrow(...args: string[]): ProcessUnderTest {
  const { command, args: before } = findPython();
  return new ProcessUnderTest(command, [...before, pathOf('src/e2e/rows_pyarrow.py'), ...args]);
}

const arrowRs = () => new ProcessUnderTest(pathOf('rust-peer/target/release/examples/validate-stream'), []);

/** How rows are cut into batches, and over what. */
interface Cut {
  readonly batchRows: number;
  readonly maxBytes: number;
  /** Rows after which one comes that is refused. */
  readonly wrongEvery: number;
}

const arbitraryCut: fc.Arbitrary<Cut> = fc.record({
  batchRows: fc.integer({ min: 1, max: 16 }),
  maxBytes: fc.integer({ min: 256, max: 8_192 }),
  wrongEvery: fc.integer({ min: 2, max: 6 }),
});

const arbitraryCase = arbitrarySchema().chain((schema) =>
  fc.record({ schema: fc.constant(schema), rows: arbitraryRows(schema), cut: arbitraryCut }),
);

/** Memory as extents are: full of what others wrote, first random bytes, then the batch before. */
class UsedMemory {
  #bytes = new Uint8Array(0);
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  readonly open = (plan: BatchPlan): Target => {
    if (this.#bytes.length < plan.byteLength) {
      this.#bytes = new Uint8Array(plan.byteLength);
      for (let i = 0; i < this.#bytes.length; i++) this.#bytes[i] = this.#random();
    }
    return { columns: plan.columns((byteOffset) => ({ buffer: this.#bytes.buffer, byteOffset })) };
  };

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state >>> 24;
  }
}

function bytesOf(message: OutgoingMessage): Uint8Array {
  const sink = heapSink(message.byteLength);
  message.placeInto(sink);
  return sink.bytes;
}

/** A row that is wrong in its last column, so that all others have to be taken back. */
function wronged(row: object, { fields }: ParsedSchema): object {
  return Object.fromEntries([...Object.entries(row), [fields.at(-1)!.name, Symbol('wrong')]]);
}

/** The IPC stream that rows become, built over memory whose contents depend on `seed`. Its padding is zeros. */
function streamOf(schema: ParsedSchema, rows: readonly object[], cut: Cut, seed: number): Buffer {
  const encoder = new StreamEncoder(toArrowSchema(schema));
  const parts = [bytesOf(encoder.schemaMessage)];
  const batcher = new RowBatcher(rowFormat(schema), {
    ...cut,
    maxRowBytes: Number.POSITIVE_INFINITY,
    open: new UsedMemory(seed).open,
    filled: (_, arrays: ArrayNode[], count) => {
      for (const message of encoder.encodeColumns(arrays, count)) parts.push(bytesOf(message));
    },
    discard: () => {},
  });
  for (const [i, row] of rows.entries()) {
    if (i % cut.wrongEvery === 0) expect(() => batcher.append(wronged(row, schema))).toThrow(`row ${i}: `);
    batcher.append(row);
  }
  batcher.handOver();
  return Buffer.concat([...parts, endOfStream()]);
}

/** Whether arrow-rs has no other view of the schema's rows: to it a null child of a union is a null of the union. */
const isForArrowRs = (fields: readonly ParsedField[]): boolean =>
  fields.every(
    ({ type, nullable, children }) =>
      !(type.name === 'Union' && !nullable && children.some(takesNull)) && isForArrowRs(children),
  );

describe('rows of any schema', () => {
  const python = new Judge(pyarrow);
  const rust = installed.rust ? new Judge(arrowRs) : undefined;
  afterAll(async () => {
    await python.end();
    await rust?.end();
  });

  it('become what pyarrow builds of them and both libraries find valid, and not a byte of it depends on what the memory held', async () => {
    const seen = { batches: 0, built: 0, read: 0, checked: 0 };
    await fc.assert(
      fc.asyncProperty(arbitraryCase, async ({ schema, rows, cut }) => {
        const stream = streamOf(schema, rows, cut, 1);
        expect(streamOf(schema, rows, cut, 2).equals(stream)).toBe(true);
        const ipc = stream.toString('hex');
        const verdicts = [
          python.ask(JSON.stringify({ ipc, rows: rows.map(jsonOf) })),
          isForArrowRs(schema.fields) ? rust?.ask(ipc) : undefined,
        ];
        const [byPython, byRust = { rows: rows.length }] = await Promise.all(verdicts);
        expect(byRust).toEqual({ rows: rows.length });
        for (const what of ['batches', 'built', 'read', 'checked'] as const) seen[what] += byPython![what]!;
      }),
      { numRuns: 2_000 },
    );
    expect(seen.batches).toBeGreaterThan(2_000);
    expect(seen.built).toBeGreaterThan(seen.read);
  }, 300_000);
});

/** The same rows again and again, until they are `count`: enough that batches go through the region as they lie. */
const repeated = <T>(rows: readonly T[], count: number): T[] =>
  Array.from({ length: count }, (_, i) => rows[i % rows.length]!);

describe('rows that are appended to a stream', () => {
  const bridge = useBridge();
  const sends = vi.spyOn(Draft.prototype, 'send');
  afterAll(() => sends.mockRestore());

  const arbitraryStream = arbitrarySchema().chain((schema) =>
    fc.record({
      schema: fc.constant(schema),
      rows: arbitraryRows(schema, { minLength: 1, maxLength: 12 }),
      count: fc.integer({ min: 1, max: 500 }),
      batchRows: fc.integer({ min: 1, max: 200 }),
    }),
  );

  it('are read by pyarrow as it builds them, from extents that held others before', async () => {
    const server = await bridge.serve({ maxBytes: 4 * MIB, inlineBelow: 0 });
    const python = new Judge(() => pyarrow(bridge.path));
    let number = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryStream, async ({ schema, rows, count, batchRows }) => {
        const name = `rows ${number++}`;
        const stream = server.publish(name, toArrowSchema(schema));
        const all = repeated(rows, count);
        const write = async () => {
          await stream.rows<object>(toArrowSchema(schema), { batchRows }).appendMany(all);
          await stream.end();
        };
        const written = write();
        written.catch(() => {});
        // First what it says: who stops reading makes the writer wait.
        await python.ask(JSON.stringify({ stream: name, rows: all.map(jsonOf) }));
        await written;
        server.unpublish(name);
      }),
      { numRuns: 300 },
    );
    await python.end();
    expect(sends.mock.calls.length).toBeGreaterThan(100);
    expect(server.stats().residentBytes).toBeLessThan(5 * MIB);
  }, 300_000);
});

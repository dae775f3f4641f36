/** Node's transfer peer (PROTOCOL.md, section 10): reads a stream, holds it, says what it holds. `alab ipc transfer-recordbatch` starts it. */
import { openSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow';
import { connect, inherit, type LeasedBatch, type Peer } from '../bridge/index.js';
import { ArrowlabError } from '../errors.js';
import { ColumnChecksums, StreamEncoder, StreamWriter } from '../ipc/index.js';
import { memoryOf } from './memory.js';
import type { Held } from './peer-process.js';

const { values: flags } = parseArgs({
  options: {
    socket: { type: 'string' },
    fd: { type: 'string' },
    stream: { type: 'string', default: 'transfer' },
    mode: { type: 'string', default: 'shared' },
    validate: { type: 'string', default: 'structure' },
    output: { type: 'string' },
    copy: { type: 'boolean', default: false },
  },
});

const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

/** Where batches come from: through shared memory, or as plain IPC bytes. */
interface Incoming {
  read(): Promise<{ schema: Schema; batches: AsyncIterable<RecordBatch> & { inlineBytes?: number } }>;
  contains(bytes: ArrayBufferView): boolean;
  release(batches: RecordBatch[]): void;
  close(): Promise<void>;
}

function shared(peer: Peer): Incoming {
  return {
    async read() {
      const subscription = peer.subscribe(flags.stream, { validate: flags.validate as 'structure' | 'full' });
      return { schema: await subscription.schema, batches: subscription };
    },
    contains: (bytes) => peer.contains(bytes),
    release: (batches) => {
      for (const batch of batches as LeasedBatch[]) batch.release();
    },
    close: () => peer.close(),
  };
}

function copied(fd: number): Incoming {
  const socket = new Socket({ fd, readable: true, writable: true });
  return {
    async read() {
      const reader = await RecordBatchReader.from(socket);
      await reader.open();
      return { schema: reader.schema, batches: reader as AsyncIterable<RecordBatch> };
    },
    contains: () => false,
    release: () => {},
    close: async () => void socket.destroy(),
  };
}

function open(): Promise<Incoming> | Incoming {
  const fd = Number(flags.fd);
  if (flags.mode === 'copied') return copied(fd);
  return (flags.socket === undefined ? inherit(fd) : connect(flags.socket)).then(shared);
}

/** Everything that was received, with what a look at each buffer tells. */
class Receipt {
  readonly batches: RecordBatch[] = [];
  readonly copies: Uint8Array[] = [];
  readonly readableNs: string[] = [];
  readonly #schema: Schema;
  readonly #incoming: Incoming;
  #buffers = 0;
  #buffersInMap = 0;
  #outsideBytes = 0;

  constructor(schema: Schema, incoming: Incoming) {
    this.#schema = schema;
    this.#incoming = incoming;
  }

  add(batch: RecordBatch): void {
    for (const child of batch.data.children) if (child.length > 0) child.values?.[0];
    this.readableNs.push(String(process.hrtime.bigint()));
    this.batches.push(batch);
  }

  /** Looks at every buffer of the opened arrays, and computes the columns' checksums from them. */
  inspect(): Pick<Held, 'buffers' | 'buffersInMap' | 'outsideBytes' | 'checksums'> {
    const encoder = new StreamEncoder(this.#schema);
    const checksums = new ColumnChecksums(encoder.schema);
    for (const batch of this.batches)
      for (const message of encoder.encode(batch)) {
        checksums.add(message);
        for (const buffer of message.contents!.buffers) if (buffer.byteLength > 0) this.#inspectBuffer(buffer.bytes());
      }
    return {
      buffers: this.#buffers,
      buffersInMap: this.#buffersInMap,
      outsideBytes: this.#outsideBytes,
      checksums: checksums.result(),
    };
  }

  #inspectBuffer(bytes: Uint8Array): void {
    this.#buffers++;
    if (this.#incoming.contains(bytes)) this.#buffersInMap++;
    else this.#outsideBytes += bytes.byteLength;
    if (flags.copy) this.copies.push(bytes.slice());
  }

  describe(): Held['schema'] {
    return this.#schema.fields.map(({ name, type, nullable }) => ({ name, type: String(type), nullable }));
  }

  write(path: string): void {
    const writer = new StreamWriter(openSync(path, 'w'), this.#schema);
    for (const batch of this.batches) writer.write(batch);
    writer.end();
  }
}

async function receive(incoming: Incoming, anonBefore: number): Promise<Receipt> {
  const cpuBefore = process.cpuUsage();
  const { schema, batches } = await incoming.read();
  const receipt = new Receipt(schema, incoming);
  for await (const batch of batches) receipt.add(batch);
  const cpu = process.cpuUsage(cpuBefore);
  const inspected = receipt.inspect();
  const { inlineBytes = 0 } = batches;
  if (flags.output) receipt.write(flags.output);
  const held: Held = {
    schema: receipt.describe(),
    batches: receipt.batches.length,
    rows: receipt.batches.reduce((sum, { numRows }) => sum + numRows, 0),
    ...inspected,
    // Buffers of inline messages lie outside the map by design.
    outsideBytes: Math.max(0, inspected.outsideBytes - inlineBytes),
    inlineBytes,
    allocatedBytes: null,
    anonBytes: memoryOf('self')!.pssAnon - anonBefore,
    readableNs: receipt.readableNs,
    cpuMs: (cpu.user + cpu.system) / 1e3,
  };
  say({ event: 'held', ...held });
  return receipt;
}

async function main(): Promise<void> {
  const incoming = await open();
  say({ event: 'ready', language: 'node', pid: process.pid });
  const anonBefore = memoryOf('self')!.pssAnon;
  let receipt: Receipt | undefined;
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === 'go') receipt = await receive(incoming, anonBefore);
    if (word === 'release') {
      incoming.release(receipt?.batches ?? []);
      say({ event: 'released' });
    }
    if (word === 'exit') break;
  }
  await incoming.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    const code = error instanceof ArrowlabError ? error.code : 'ERR_ARROWLAB_SYSTEM';
    say({ event: 'error', code, message: error.message });
    process.exitCode = 1;
  },
);

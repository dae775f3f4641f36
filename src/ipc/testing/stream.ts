import { closeSync, openSync } from 'node:fs';
import type { RecordBatch } from 'apache-arrow';
import { heapSink, type IncomingMessage, type OutgoingMessage, StreamDecoder, writeMessage } from '../index.js';

/** A message as a consumer gets it, on the heap. Counts how often it is kept. */
export class HeapMessage implements IncomingMessage {
  keepers = 0;

  constructor(readonly whole: Uint8Array) {}

  get byteLength(): number {
    return this.whole.byteLength;
  }

  bytes(offset: number, byteLength: number): Uint8Array {
    if (offset < 0 || offset + byteLength > this.byteLength)
      throw new Error(`bytes ${offset} + ${byteLength} are outside the message`);
    return this.whole.subarray(offset, offset + byteLength);
  }

  keep(): void {
    this.keepers++;
  }

  letGo(): void {
    this.keepers--;
  }
}

/** Writes a message to the heap. What it leaves unwritten is filled with garbage, as in a region. */
export function placed(message: OutgoingMessage): HeapMessage {
  const sink = heapSink(message.byteLength);
  sink.bytes.fill(0xa5);
  message.placeInto(sink);
  return new HeapMessage(sink.bytes);
}

export function decoded(messages: Iterable<IncomingMessage>): RecordBatch[] {
  const decoder = new StreamDecoder({ validate: 'full' });
  const batches: RecordBatch[] = [];
  for (const message of messages) {
    const result = decoder.accept(message);
    if (result.kind === 'batch') batches.push(result.batch);
  }
  return batches;
}

/** Writes messages, without what ends a stream, to a file. */
export function writeMessages(path: string, messages: Iterable<OutgoingMessage>): void {
  const fd = openSync(path, 'w');
  for (const message of messages) writeMessage(fd, message);
  closeSync(fd);
}

import { listen, type PublishedStream, type RowWriter, type Server } from '../../bridge/index.js';
import { type RowFormat, toArrowSchema } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import type { BatchOptions, RowOutput } from './row-output.js';

export interface SocketOptions extends BatchOptions {
  readonly path: string;
  /** Of the stream. */
  readonly name: string;
  readonly maxLatencyMs: number | undefined;
}

/** Rows to whoever subscribes first. */
export class SocketOutput<T> implements RowOutput<T> {
  readonly label: string;
  readonly #server: Server;
  readonly #stream: PublishedStream;
  readonly #writer: RowWriter<T>;
  readonly #isRead: Promise<void>;
  /** That are connected, or hold something still. */
  #peers = 0;

  private constructor(server: Server, format: RowFormat<T>, { path, name, batchRows, maxLatencyMs }: SocketOptions) {
    this.label = `stream ${JSON.stringify(name)} at ${path}`;
    this.#server = server;
    this.#stream = server.publish(name, toArrowSchema(format.parsedSchema));
    this.#writer = this.#stream.rows<T>(format, { batchRows, maxLatencyMs });
    this.#isRead = new Promise((resolve, reject) => {
      server.on('peer', () => void this.#peers++);
      server.on('gone', () => {
        this.#peers--;
        if (this.#stream.readers > 0) resolve();
        else if (this.#isAbandoned) reject(this.#left());
      });
    });
    this.#isRead.catch(() => {}); // it is awaited at the end
  }

  /** Listens and publishes. @throws LISTEN_FAILED, INVALID_ARGUMENT, MEMORY_LIMIT */
  static async open<T>(format: RowFormat<T>, options: SocketOptions): Promise<SocketOutput<T>> {
    const server = await listen({ path: options.path, maxBytes: options.maxBytes, name: 'alab columns' });
    try {
      return new SocketOutput(server, format, options);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  get batches(): number {
    return this.#stream.batches;
  }

  get rows(): number {
    return this.#stream.writtenRows;
  }

  get bytes(): number {
    return this.#stream.writtenBytes;
  }

  append(row: T): Promise<void> | undefined {
    if (this.#isLeft) throw this.#left();
    return this.#writer.append(row);
  }

  /** Resolves when a reader has read all of it and is gone. @throws PEER_FAILED when it went before. */
  async end(): Promise<void> {
    await this.#stream.end();
    if (this.#isAbandoned) throw this.#left();
    await this.#isRead;
    await this.#server.close();
  }

  async fail(error: Error): Promise<void> {
    if (!this.#stream.isEnded) await this.#stream.fail(error);
    await this.#server.close();
  }

  /** Nobody reads. The first batch waits for a reader, so that there was one. */
  get #isLeft(): boolean {
    return this.#stream.batches > 0 && this.#stream.subscribers === 0;
  }

  /** It has ended, and nobody is left who could have been sent all of it. */
  get #isAbandoned(): boolean {
    const { isEnded, readers } = this.#stream;
    return isEnded && this.#isLeft && readers === 0 && this.#peers === 0;
  }

  #left(): ArrowlabError {
    return new ArrowlabError(
      'PEER_FAILED',
      `expected a reader of ${this.label} to its end, found it gone after ${this.#stream.batches} batches: begin again`,
    );
  }
}

import { heapSink, type OutgoingMessage } from '../ipc/index.js';
import type { Extent, Holder, Region, Wish } from '../region/index.js';

/**
 * A message that has been written and can be sent to any number of peers: in an extent, or as bytes that travel inline.
 * Stays while somebody holds it.
 */
export class PlacedMessage {
  private constructor(
    readonly kind: OutgoingMessage['kind'],
    readonly dictionaryId: bigint | undefined,
    readonly isDelta: boolean,
    readonly byteLength: number,
    readonly extent: Extent | undefined,
    readonly bytes: Uint8Array | undefined,
  ) {}

  /**
   * Writes a message: one copy. Waits for memory; the caller holds the result as `wish.writer`.
   * Throws what `Region.allocate` and the message's source throw.
   */
  static async place(
    message: OutgoingMessage,
    region: Region,
    inlineBelow: number,
    wish: Omit<Wish, 'byteLength'>,
  ): Promise<PlacedMessage> {
    const { byteLength } = message;
    if (byteLength < inlineBelow) return PlacedMessage.#inline(message);
    return PlacedMessage.#into(await region.allocate({ ...wish, byteLength }), message, wish.writer);
  }

  /** As `place`, where there is memory at once. */
  static placeNow(
    message: OutgoingMessage,
    region: Region,
    inlineBelow: number,
    wish: Omit<Wish, 'byteLength'>,
  ): PlacedMessage | undefined {
    const { byteLength } = message;
    if (byteLength < inlineBelow) return PlacedMessage.#inline(message);
    const extent = region.allocateNow({ ...wish, byteLength });
    return extent && PlacedMessage.#into(extent, message, wish.writer);
  }

  static #inline(message: OutgoingMessage): PlacedMessage {
    const { kind, dictionaryId, isDelta = false, byteLength } = message;
    const sink = heapSink(byteLength);
    message.placeInto(sink);
    return new PlacedMessage(kind, dictionaryId, isDelta, byteLength, undefined, sink.bytes);
  }

  static #into(extent: Extent, message: OutgoingMessage, writer: Holder): PlacedMessage {
    const { kind, dictionaryId, isDelta = false, byteLength } = message;
    try {
      message.placeInto(extent);
    } catch (error) {
      extent.drop(writer);
      throw error;
    }
    return new PlacedMessage(kind, dictionaryId, isDelta, byteLength, extent, undefined);
  }

  /** A batch that lies in an extent already, from its start on. */
  static inPlace(extent: Extent, byteLength: number): PlacedMessage {
    return new PlacedMessage('batch', undefined, false, byteLength, extent, undefined);
  }

  /** Bytes of the region that it takes; none where it travels inline. */
  get regionBytes(): number {
    return this.extent?.capacity ?? 0;
  }

  /** Bytes of the heap that it takes, where it travels inline. */
  get inlineBytes(): number {
    return this.bytes?.byteLength ?? 0;
  }

  hold(holder: Holder): void {
    this.extent?.hold(holder);
  }

  drop(holder: Holder): void {
    this.extent?.drop(holder);
  }
}

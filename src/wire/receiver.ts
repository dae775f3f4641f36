import { decodeFrame, type Frame, frameShape, HEADER_BYTES } from './frames.js';

/** Cuts what a socket delivers into frames. Keeps at most one unfinished frame. */
export class FrameReceiver {
  /** What has not been cut yet: of a header, before a chunk has come that completes it. */
  #chunk: Buffer = Buffer.alloc(0);
  /** An unfinished frame that came in several chunks, and how much of it is there. */
  #partial: Buffer | undefined;
  #have = 0;

  /** Takes what the socket delivered; `frames` then yields what it completes. */
  push(chunk: Buffer): void {
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk]);
  }

  /**
   * The frames that are complete. They may refer to the last chunk's memory, which is its owner's again when all of them have been taken.
   * Throws FRAME_LENGTH, FRAME_TYPE, FRAME_FIELD; nothing can be read after that.
   */
  *frames(): Generator<Frame> {
    for (;;) {
      const bytes = this.#partial ? this.#fillPartial() : this.#cut();
      if (!bytes) break;
      yield decodeFrame(bytes);
    }
    if (this.#chunk.length > 0) this.#chunk = Buffer.from(this.#chunk);
  }

  /** A frame that lies wholly in the chunk; what lies there of an unfinished one is set aside once its header is whole. */
  #cut(): Buffer | undefined {
    if (this.#chunk.length < HEADER_BYTES) return undefined;
    const { length } = frameShape(this.#chunk);
    if (this.#chunk.length < length) {
      this.#partial = Buffer.allocUnsafe(length);
      this.#have = 0;
      return this.#fillPartial();
    }
    const bytes = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return bytes;
  }

  #fillPartial(): Buffer | undefined {
    const partial = this.#partial!;
    const taken = this.#chunk.copy(partial, this.#have, 0, partial.length - this.#have);
    this.#chunk = this.#chunk.subarray(taken);
    this.#have += taken;
    if (this.#have < partial.length) return undefined;
    this.#partial = undefined;
    return partial;
  }
}

/**
 * Collects the chunks of a body in one growing buffer. Chunks are copied and not kept, so that a body of one-byte
 * chunks takes no more memory than a body in one chunk.
 */

/** The size of the first buffer, bytes; most webhooks are smaller. */
const FIRST_BYTES = 1_024;

export interface BodyBuffer {
  /** Copies a chunk. @returns `false` if the body exceeds the limit; all bytes are dropped then. */
  add(chunk: Uint8Array): boolean;
  /** Returns the bytes so far: a view, not a copy. */
  bytes(): Uint8Array;
  /**
   * The size of the buffer, bytes: the first size, or at most twice the bytes so far, and never more than the limit.
   */
  readonly capacity: number;
}

/** Creates a buffer for a body of at most `maxBytes`. */
export function createBodyBuffer(maxBytes: number): BodyBuffer {
  let buffer = Buffer.alloc(0);
  let size = 0;
  let isOverLimit = false;

  return {
    add(chunk) {
      const needed = size + chunk.length;
      isOverLimit ||= needed > maxBytes;
      if (isOverLimit) {
        buffer = Buffer.alloc(0);
        size = 0;
        return false;
      }
      if (needed > buffer.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(needed, size * 2, FIRST_BYTES)));
        grown.set(buffer.subarray(0, size));
        buffer = grown;
      }
      buffer.set(chunk, size);
      size = needed;
      return true;
    },
    bytes: () => buffer.subarray(0, size),
    get capacity() {
      return buffer.length;
    },
  };
}

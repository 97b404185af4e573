/**
 * Collects the chunks of a body in one buffer that grows. Nothing of a chunk is kept, so that a body of one-byte
 * chunks takes no more memory than a body in one piece.
 */

/** Bytes of the first buffer; a usual webhook has fewer. */
const FIRST_BYTES = 1_024;

export interface BodyBuffer {
  /** Copies a chunk. @returns `false` where the body would exceed the limit; everything is forgotten then. */
  add(chunk: Uint8Array): boolean;
  /** The bytes so far: a view, not a copy. */
  bytes(): Uint8Array;
  /** Bytes that are reserved: at most twice the bytes so far, and never more than the limit. */
  readonly capacity: number;
}

/** Creates a buffer for a body of at most `maxBytes`. */
export function createBodyBuffer(maxBytes: number): BodyBuffer {
  let buffer = Buffer.alloc(0);
  let size = 0;
  let isOver = false;

  return {
    add(chunk) {
      const needed = size + chunk.length;
      isOver ||= needed > maxBytes;
      if (isOver) {
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

/** Groups the chunks of a snapshot into messages, and finds the buffers that can be transferred instead of copied. */

/** Yields groups of chunks: a group ends when it has reached `bytes`. */
export function* groupChunks(
  chunks: Iterable<Uint8Array>,
  bytes: number,
): Generator<Uint8Array[], void, undefined> {
  let group: Uint8Array[] = [];
  let length = 0;
  for (const chunk of chunks) {
    group.push(chunk);
    length += chunk.length;
    if (length < bytes) continue;
    yield group;
    group = [];
    length = 0;
  }
  if (group.length > 0) yield group;
}

/** Returns the buffers of those chunks that do not share their buffer with other data. */
export function buffersOfChunks(chunks: readonly unknown[]): ArrayBuffer[] {
  return chunks.filter(hasOwnBuffer).map(({ buffer }) => buffer);
}

function hasOwnBuffer(chunk: unknown): chunk is Uint8Array<ArrayBuffer> {
  return chunk instanceof Uint8Array && chunk.length === chunk.buffer.byteLength;
}

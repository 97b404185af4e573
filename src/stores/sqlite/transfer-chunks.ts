/** Chunks of a list's base on their way: several in a message, handed over instead of copied where that can be. */

/** Chunks, as many at a time as have so many bytes. */
export function* severalOf(
  chunks: Iterable<Uint8Array>,
  bytes: number,
): Generator<Uint8Array[], void, undefined> {
  let some: Uint8Array[] = [];
  let length = 0;
  for (const chunk of chunks) {
    some.push(chunk);
    length += chunk.length;
    if (length < bytes) continue;
    yield some;
    some = [];
    length = 0;
  }
  if (some.length > 0) yield some;
}

/** What is handed over with chunks: the memory of those that have it to themselves. */
export function buffersOfChunks(chunks: readonly unknown[]): ArrayBuffer[] {
  return chunks.filter(isAlone).map(({ buffer }) => buffer);
}

function isAlone(one: unknown): one is Uint8Array<ArrayBuffer> {
  return one instanceof Uint8Array && one.length === one.buffer.byteLength;
}

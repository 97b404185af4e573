/**
 * Reads the body of a `Request` up to a limit. The memory that it uses depends on the number of bytes, not on the
 * number of chunks.
 */

/** The result of reading a body. `used`: other code has read the body, or is reading it. */
export type ReadBody =
  | { readonly state: 'read'; readonly bytes: Uint8Array }
  | { readonly state: 'none' }
  | { readonly state: 'used' }
  | {
      readonly state: 'too_large';
      /** Cancels the rest of the body. */
      readonly cancel: () => void;
      /** Returns the whole body: the bytes that were read, and then the rest as it arrives. */
      readonly stream: () => ReadableStream<Uint8Array>;
    };

/** The first size of the buffer, which doubles when it is full. */
const FIRST_BYTES = 4096;

/**
 * Reads a body up to `maxBytes`.
 *
 * @throws the error of the body's stream; TypeError if a chunk is no bytes.
 */
export async function readBody(request: Request, maxBytes: number): Promise<ReadBody> {
  if (request.bodyUsed || request.body?.locked === true) return { state: 'used' };
  if (request.body === null) return { state: 'none' };
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const buffer = growingBuffer(maxBytes);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(reader, []);
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return { state: 'read', bytes: buffer.bytes() };
    if (!buffer.add(chunk)) return tooLarge(reader, [buffer.bytes(), chunk]);
  }
}

/** @param chunks those that were read already. */
function tooLarge(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chunks: readonly Uint8Array[],
): Extract<ReadBody, { state: 'too_large' }> {
  return {
    state: 'too_large',
    cancel: () => void reader.cancel().catch(() => undefined),
    stream: () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk);
        },
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      }),
  };
}

/** One buffer for all chunks, of at most `maxBytes`. */
function growingBuffer(maxBytes: number) {
  let buffer = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
  let size = 0;
  return {
    /** Adds a chunk. @returns whether it fits; if not, nothing was added. */
    add(chunk: Uint8Array): boolean {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a chunk of the body is no bytes');
      const needed = size + chunk.length;
      if (needed > maxBytes) return false;
      if (needed > buffer.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * buffer.length)));
        larger.set(buffer.subarray(0, size));
        buffer = larger;
      }
      buffer.set(chunk, size);
      size = needed;
      return true;
    },
    bytes: (): Uint8Array => buffer.subarray(0, size),
  };
}

/** Returns the request with another body. Unlike a string, bytes and streams do not set a content type. */
export function withBody(request: Request, body: Uint8Array | ReadableStream<Uint8Array>): Request {
  const headers = new Headers(request.headers);
  // This is the length of the old body.
  headers.delete('content-length');
  const init = { headers, body, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) };
  return new Request(request, init as RequestInit);
}

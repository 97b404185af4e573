/**
 * Reads the bodies of requests as `fetch` knows them, up to a limit. What is kept while a body comes in depends on its
 * bytes alone, however many chunks they come in.
 */

/** A body that was read; or why there is none. */
export type ReadBody =
  | { readonly state: 'read'; readonly bytes: Uint8Array }
  | { readonly state: 'none' }
  | { readonly state: 'used' }
  | {
      readonly state: 'too_large';
      /** Gives the rest up. */
      readonly cancel: () => void;
      /** All of the body: what was read, and then the rest as it comes. */
      readonly stream: () => ReadableStream<Uint8Array>;
    };

/** The buffer begins with that size and doubles. */
const FIRST_BYTES = 4096;

/**
 * Reads a body up to `maxBytes`.
 *
 * @throws what the stream fails with.
 */
export async function readBody(request: Request, maxBytes: number): Promise<ReadBody> {
  if (request.bodyUsed || request.body?.locked === true) return { state: 'used' };
  if (request.body === null) return { state: 'none' };
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const growing = growingBuffer(maxBytes);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(reader, []);
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return { state: 'read', bytes: growing.bytes() };
    if (!growing.add(chunk)) return tooLarge(reader, [growing.bytes(), chunk]);
  }
}

function tooLarge(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  before: readonly Uint8Array[],
): Extract<ReadBody, { state: 'too_large' }> {
  return {
    state: 'too_large',
    cancel: () => void reader.cancel().catch(() => undefined),
    stream: () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const chunk of before) controller.enqueue(chunk);
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
  let held = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
  let size = 0;
  return {
    /** @returns whether the chunk fits. */
    add(chunk: Uint8Array): boolean {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a chunk of the body is no bytes');
      const needed = size + chunk.length;
      if (needed > maxBytes) return false;
      if (needed > held.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * held.length)));
        larger.set(held.subarray(0, size));
        held = larger;
      }
      held.set(chunk, size);
      size = needed;
      return true;
    },
    bytes: (): Uint8Array => held.subarray(0, size),
  };
}

/** The request with another body. Bytes bring no content type of their own, as a string would. */
export function withBody(request: Request, body: Uint8Array | ReadableStream<Uint8Array>): Request {
  const headers = new Headers(request.headers);
  // The length of the replaced body.
  headers.delete('content-length');
  const init = { headers, body, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) };
  return new Request(request, init as RequestInit);
}

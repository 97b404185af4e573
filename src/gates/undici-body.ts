/**
 * Bodies of requests in every form that undici takes. What lies there is looked at as it is; what flows is read into
 * memory up to a limit. It changes no byte, and a body that is given up is let go.
 */

/** A body that was read: its bytes, and what has to be dispatched in its place. */
export interface ReadBody {
  /** `undefined` where there are more than the limit. */
  readonly bytes: Uint8Array | undefined;
  readonly body: unknown;
}

/** The bytes of a body that lies in memory; `undefined` for any other. */
export function bytesAtHand(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return body instanceof ArrayBuffer ? new Uint8Array(body) : undefined;
}

/** A body that has to be read first. */
export type Flow = Iterated | Blob;
type Iterated = AsyncIterable<unknown> | Iterable<unknown>;

/** Whether a body can be read to its end: a stream, an iterable or a blob. A form of fields and files cannot. */
export function isReadable(body: unknown): body is Flow {
  if (typeof body !== 'object' || body === null || tagOf(body) === 'FormData') return false;
  return isBlob(body) || Symbol.asyncIterator in body || Symbol.iterator in body;
}

const tagOf = (body: object): unknown => (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];

function isBlob(body: object): body is Blob {
  return /^(?:Blob|File)$/.test(String(tagOf(body))) && 'arrayBuffer' in body;
}

/**
 * Reads a body.
 *
 * @param aborted rejects when nobody wants the body any more.
 * @throws what the body or `aborted` fails with; the body is let go then.
 */
export async function readBody(body: Flow | Blob, limit: number, aborted: Promise<never>): Promise<ReadBody> {
  if (isBlob(body)) {
    const bytes = body.size > limit ? undefined : await Promise.race([body.arrayBuffer(), aborted]);
    return { bytes: bytes && new Uint8Array(bytes), body };
  }
  const iterator = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const step: IteratorResult<unknown> = await Promise.race([iterator.next(), aborted]);
      if (step.done === true) break;
      const chunk = chunkOf(step.value);
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > limit) return { bytes: undefined, body: resumed(chunks, iterator, body) };
    }
  } catch (error) {
    letGo(body, iterator);
    throw error;
  }
  const bytes = Buffer.concat(chunks);
  return { bytes, body: bytes };
}

function chunkOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError('a chunk of the body is neither a string nor bytes');
}

type FlowIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** What was read already, then the rest. */
async function* resumed(
  chunks: readonly Uint8Array[],
  iterator: FlowIterator,
  body: Iterated,
): AsyncGenerator<Uint8Array> {
  let isOver = false;
  try {
    yield* chunks;
    for (;;) {
      const step = await iterator.next();
      isOver = step.done === true;
      if (isOver) return;
      yield chunkOf(step.value);
    }
  } finally {
    if (!isOver) letGo(body, iterator);
  }
}

/** Ends a body that nobody will read to its end. What that throws or rejects with is nobody's. */
export function letGo(body: unknown, iterator?: FlowIterator): void {
  if (typeof body !== 'object' || body === null) return;
  void (async () => {
    if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
    else if (iterator !== undefined) await iterator.return?.();
    else if ('cancel' in body && typeof body.cancel === 'function') await body.cancel();
    else if ('return' in body && typeof body.return === 'function') await body.return();
  })().catch(() => undefined);
}

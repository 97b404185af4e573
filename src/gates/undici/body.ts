/**
 * The bodies of requests, in every form that undici accepts. A body in memory is used as it is. A streamed body is read
 * into memory up to a limit. No byte is changed, and a body that is not sent is ended.
 */

import { errors } from 'undici';

/** A body that was read. */
export interface ReadBody {
  /** Its bytes; `undefined` if there are more than the limit. */
  readonly bytes: Uint8Array | undefined;
  /** The body to dispatch instead of the one that was read. */
  readonly body: unknown;
}

/** Returns the bytes of a body in memory: none, a string or a Buffer. `undefined` for any other body. */
export function bytesInMemory(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.isBuffer(body) ? body : undefined;
}

/** A body that has to be read first. */
export type StreamedBody = IterableBody | Blob;
type IterableBody = AsyncIterable<unknown> | Iterable<unknown>;

/** Whether a body can be read to its end: a stream, an iterable or a blob, but no `FormData`. */
export function isReadable(body: unknown): body is StreamedBody {
  if (typeof body !== 'object' || body === null || tagOf(body) === 'FormData') return false;
  return isBlob(body) || Symbol.asyncIterator in body || Symbol.iterator in body;
}

const tagOf = (body: object): unknown => (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];

function isBlob(body: object): body is Blob {
  return /^(?:Blob|File)$/.test(String(tagOf(body))) && 'arrayBuffer' in body;
}

/** Reads one body. */
export interface BodyReader {
  /**
   * Reads the body.
   *
   * @param limit bytes.
   * @param aborted rejects when the request is aborted.
   * @throws the error of the body or of `aborted`, as undici would.
   */
  read(limit: number, aborted: Promise<never>): Promise<ReadBody>;
  /** Ends the body, if it was not read to its end. */
  end(): void;
}

/** Starts to read a body. */
export function openBody(body: StreamedBody): BodyReader {
  if (isBlob(body)) return { read: (limit, aborted) => readBlob(body, limit, aborted), end: () => undefined };
  const iterator = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
  return {
    async read(limit, aborted) {
      try {
        return await readChunks(iterator, body, limit, aborted);
      } catch (error) {
        throw isPrematureClose(body, error) ? new errors.RequestAbortedError() : error;
      }
    },
    end: () => endBody(body, iterator),
  };
}

/** Whether a stream was destroyed before its end without an error. Undici treats this as an abort. */
const isPrematureClose = (body: object, error: unknown) =>
  (error as { code?: unknown } | null | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE' &&
  (body as { errored?: unknown }).errored === null;

async function readBlob(body: Blob, limit: number, aborted: Promise<never>): Promise<ReadBody> {
  const bytes = body.size > limit ? undefined : await Promise.race([body.arrayBuffer(), aborted]);
  return { bytes: bytes && new Uint8Array(bytes), body };
}

async function readChunks(
  iterator: BodyIterator,
  body: IterableBody,
  limit: number,
  aborted: Promise<never>,
): Promise<ReadBody> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const step: IteratorResult<unknown> = await Promise.race([iterator.next(), aborted]);
    if (step.done === true) break;
    const chunk = toBytes(step.value);
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > limit) return { bytes: undefined, body: resume(chunks, iterator, body) };
  }
  const bytes = Buffer.concat(chunks);
  return { bytes, body: bytes };
}

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  // A copy, since the stream may use the same memory for the next chunk.
  if (ArrayBuffer.isView(chunk))
    return Buffer.from(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  throw new TypeError('a chunk of the body is neither a string nor bytes');
}

type BodyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Yields the chunks that were read already, and then the rest of the body. */
async function* resume(
  chunks: readonly Uint8Array[],
  iterator: BodyIterator,
  body: IterableBody,
): AsyncGenerator<Uint8Array> {
  let isDone = false;
  try {
    yield* chunks;
    for (;;) {
      const step = await iterator.next();
      isDone = step.done === true;
      if (isDone) return;
      yield toBytes(step.value);
    }
  } finally {
    if (!isDone) endBody(body, iterator);
  }
}

/** Ends a body that will not be read to its end. Errors of that are ignored. */
export function endBody(body: unknown, iterator?: BodyIterator): void {
  if (typeof body !== 'object' || body === null) return;
  void (async () => {
    if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
    else if (iterator !== undefined) await iterator.return?.();
    else if ('cancel' in body && typeof body.cancel === 'function') await body.cancel();
  })().catch(() => undefined);
}

/**
 * Bodies of requests in every form that undici takes. One in memory is looked at as it is; a streamed one is read into
 * memory up to a limit. It changes no byte, and ends a body that is given up.
 */

import { errors } from 'undici';

/** A body that was read: its bytes, and what has to be dispatched in its place. */
export interface ReadBody {
  /** `undefined` where there are more than the limit. */
  readonly bytes: Uint8Array | undefined;
  readonly body: unknown;
}

/** The bytes of a body in memory, which a copy of the options has as a string or a Buffer; `undefined` for any other. */
export function bytesAtHand(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.isBuffer(body) ? body : undefined;
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

/** A body under way. */
export interface OpenBody {
  /**
   * Reads it.
   *
   * @param aborted rejects when the request is aborted.
   * @throws what the body or `aborted` fails with, as undici would.
   */
  read(limit: number, aborted: Promise<never>): Promise<ReadBody>;
  /** Ends it, if it was not read to its end. */
  end(): void;
}

/** Starts to read a body. */
export function openBody(body: Flow): OpenBody {
  if (isBlob(body)) return { read: (limit, aborted) => readBlob(body, limit, aborted), end: () => undefined };
  const iterator = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
  return {
    async read(limit, aborted) {
      try {
        return await readSteps(iterator, body, limit, aborted);
      } catch (error) {
        throw isCutOff(body, error) ? new errors.RequestAbortedError() : error;
      }
    },
    end: () => letGo(body, iterator),
  };
}

/** Whether a stream was destroyed before its end without an error, which to undici is an abort. */
const isCutOff = (body: object, error: unknown) =>
  (error as { code?: unknown } | null | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE' &&
  (body as { errored?: unknown }).errored === null;

async function readBlob(body: Blob, limit: number, aborted: Promise<never>): Promise<ReadBody> {
  const bytes = body.size > limit ? undefined : await Promise.race([body.arrayBuffer(), aborted]);
  return { bytes: bytes && new Uint8Array(bytes), body };
}

async function readSteps(
  iterator: FlowIterator,
  body: Iterated,
  limit: number,
  aborted: Promise<never>,
): Promise<ReadBody> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const step: IteratorResult<unknown> = await Promise.race([iterator.next(), aborted]);
    if (step.done === true) break;
    const chunk = chunkOf(step.value);
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > limit) return { bytes: undefined, body: resumed(chunks, iterator, body) };
  }
  const bytes = Buffer.concat(chunks);
  return { bytes, body: bytes };
}

function chunkOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  // The stream may use its memory again for what follows.
  if (ArrayBuffer.isView(value))
    return Buffer.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
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

/** Ends a body that will not be read to its end. Errors of that are ignored. */
export function letGo(body: unknown, iterator?: FlowIterator): void {
  if (typeof body !== 'object' || body === null) return;
  void (async () => {
    if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
    else if (iterator !== undefined) await iterator.return?.();
    else if ('cancel' in body && typeof body.cancel === 'function') await body.cancel();
  })().catch(() => undefined);
}

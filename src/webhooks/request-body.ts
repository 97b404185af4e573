/**
 * Reads the body of a request of `node:http`, HTTP/2 or a framework, up to a limit in bytes, or takes it from a body
 * parser that has read it before. A stream that has ended emits no more events. Its state is therefore checked first,
 * so that every request is answered.
 */

import { createBodyBuffer } from './body-buffer.ts';

/** The members of a request that its body is read with. */
export interface BodySource {
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
  readonly readableEncoding?: BufferEncoding | null;
  readonly destroyed?: boolean;
  /** Whether the whole message has arrived. */
  readonly complete?: boolean;
  /** The result of a body parser. */
  readonly body?: unknown;
  /** The body as it arrived, bytes or text, if a body parser kept it. */
  readonly rawBody?: unknown;
  on(event: 'data' | 'end' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  pause?(): unknown;
  resume?(): unknown;
}

/**
 * A body, or why there is none. `too_large`: it is over the limit. `broken`: the connection ended before the body did.
 * `lost`: another reader consumed a body that a header announced, and kept nothing. `lost_unannounced`: the same, if no
 * header announced it, as HTTP/2 allows.
 */
export type RequestBody =
  | { readonly body?: Uint8Array; readonly parsedBody?: unknown }
  | 'too_large'
  | 'broken'
  | 'lost'
  | 'lost_unannounced';

/** Reads the body of a request, up to `maxBytes`, or takes it from a body parser. Never rejects. */
export async function readRequestBody(request: BodySource, maxBytes: number): Promise<RequestBody> {
  if (hasEnded(request)) return bodyLeft(request);
  if (request.readableDidRead === true) {
    // Another reader has begun, and the body is not complete yet.
    await untilEnd(request);
    return bodyLeft(request);
  }
  const kept = keptBytes(request);
  return kept === undefined ? readStream(request, maxBytes) : { body: kept };
}

/** Returns whether the stream will emit no `end`: it has ended, or the request is not a stream. */
function hasEnded({ readableEnded, readableDidRead, destroyed }: BodySource): boolean {
  if (readableEnded === true || destroyed === true) return true;
  return readableEnded === undefined && readableDidRead !== false;
}

/** Returns the body that earlier readers of an ended stream left on the request. */
function bodyLeft(request: BodySource): RequestBody {
  const { readableEnded, readableDidRead, destroyed, complete, body } = request;
  if (destroyed === true && readableEnded !== true && complete !== true) return 'broken';
  const kept = keptBytes(request);
  if (kept !== undefined) return { body: kept };
  if (body instanceof Uint8Array && body.length > 0) return { body };
  if (!isEmpty(body)) return { parsedBody: body };
  const announcedLength = announcedBytes(request);
  const isObject = typeof body === 'object' && body !== null;
  // The body is `{}`, or the request is a GET, whose parameters are in its query.
  if ((isObject && announcedLength === 2) || request.method?.toUpperCase() === 'GET') return {};
  if (announcedLength > 0) return 'lost';
  return readableDidRead === true ? 'lost_unannounced' : {};
}

/** Returns the bytes of `rawBody`; `undefined` if it is empty or neither bytes nor text. */
function keptBytes({ rawBody, readableEncoding }: BodySource): Uint8Array | undefined {
  const bytes = typeof rawBody === 'string' ? Buffer.from(rawBody, readableEncoding ?? 'utf8') : rawBody;
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined;
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null || body === '') return true;
  return typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0;
}

/** Returns the `content-length`, `Infinity` for a chunked body, else 0. */
function announcedBytes({ headers }: BodySource): number {
  if ('transfer-encoding' in headers) return Number.POSITIVE_INFINITY;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isNaN(length) ? 0 : length;
}

function untilEnd(request: BodySource): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'error', 'close'] as const) request.on(event, () => resolve());
    request.resume?.();
  });
}

function readStream(request: BodySource, maxBytes: number): RequestBody | Promise<RequestBody> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return 'too_large';
  const buffer = createBodyBuffer(maxBytes);
  return new Promise((resolve) => {
    request.on('data', (chunk: Uint8Array | string) => {
      // Chunks are strings if an encoding was set.
      const bytes =
        typeof chunk === 'string' ? Buffer.from(chunk, request.readableEncoding ?? 'utf8') : chunk;
      if (buffer.add(bytes)) return;
      request.pause?.();
      resolve('too_large');
    });
    request.on('end', () => resolve({ body: buffer.bytes() }));
    request.on('error', () => resolve('broken'));
    request.on('close', () => resolve('broken'));
    // A listener does not resume a stream that was paused before.
    request.resume?.();
  });
}

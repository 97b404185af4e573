/**
 * The body of a request of `node:http`, of HTTP/2 or of a framework: read here up to a limit in bytes, or taken from a
 * parser that has read it before. A stream that has ended emits nothing any more, so that its state is looked at first:
 * every request gets an answer.
 */

import { createBodyBuffer } from './body-buffer.ts';

/** What is needed of a request to find its body. */
export interface BodySource {
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
  readonly readableEncoding?: BufferEncoding | null;
  readonly destroyed?: boolean;
  /** Whether the whole message has arrived. */
  readonly complete?: boolean;
  /** What a parser made of the body. */
  readonly body?: unknown;
  /** The body as it came, bytes or text, if an earlier parser kept it. */
  readonly rawBody?: unknown;
  on(event: 'data' | 'end' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  pause?(): unknown;
  resume?(): unknown;
}

/**
 * A body, or why there is none. `too_large`: over the limit. `broken`: the sender left before its end. `lost`: another
 * reader consumed a body that a header announces, and kept nothing. `lost_unannounced`: the same where no header
 * announces it, as HTTP/2 allows.
 */
export type RequestBody =
  | { readonly body?: Uint8Array; readonly parsedBody?: unknown }
  | 'too_large'
  | 'broken'
  | 'lost'
  | 'lost_unannounced';

/** Finds or reads the body of a request, up to `maxBytes`. Never rejects. */
export async function readRequestBody(request: BodySource, maxBytes: number): Promise<RequestBody> {
  if (hasEnded(request)) return leftBody(request);
  if (request.readableDidRead === true) {
    // Another reader has begun and did not wait for the end.
    await untilEnd(request);
    return leftBody(request);
  }
  const kept = keptBytes(request);
  return kept === undefined ? readStream(request, maxBytes) : { body: kept };
}

/** Whether the stream will emit no `end` any more; a request that is no stream has none. */
function hasEnded({ readableEnded, readableDidRead, destroyed }: BodySource): boolean {
  if (readableEnded === true || destroyed === true) return true;
  return readableEnded === undefined && readableDidRead !== false;
}

/** What earlier readers left of the body of a stream that has ended. */
function leftBody(request: BodySource): RequestBody {
  const { readableEnded, readableDidRead, destroyed, complete, body } = request;
  if (destroyed === true && readableEnded !== true && complete !== true) return 'broken';
  const kept = keptBytes(request);
  if (kept !== undefined) return { body: kept };
  if (body instanceof Uint8Array && body.length > 0) return { body };
  if (!isEmpty(body)) return { parsedBody: body };
  const announced = announcedBytes(request);
  const isObject = typeof body === 'object' && body !== null;
  // The whole body of `{}`, or a GET, which tells everything in its query.
  if ((isObject && announced === 2) || request.method?.toUpperCase() === 'GET') return {};
  if (announced > 0) return 'lost';
  return readableDidRead === true ? 'lost_unannounced' : {};
}

/** The bytes of `rawBody`, unless it is empty or something else. */
function keptBytes({ rawBody, readableEncoding }: BodySource): Uint8Array | undefined {
  const bytes = typeof rawBody === 'string' ? Buffer.from(rawBody, readableEncoding ?? 'utf8') : rawBody;
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined;
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null || body === '') return true;
  return typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0;
}

/** Bytes by `content-length`, `Infinity` for a chunked body, else 0. */
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
    request.on('data', (given: Uint8Array | string) => {
      // Strings come if an encoding was set.
      const chunk =
        typeof given === 'string' ? Buffer.from(given, request.readableEncoding ?? 'utf8') : given;
      if (buffer.add(chunk)) return;
      request.pause?.();
      resolve('too_large');
    });
    request.on('end', () => resolve({ body: buffer.bytes() }));
    request.on('error', () => resolve('broken'));
    request.on('close', () => resolve('broken'));
    // A stream that was paused before stays paused when a listener is added.
    request.resume?.();
  });
}

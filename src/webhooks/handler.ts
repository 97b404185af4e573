/**
 * The receiver behind `(req, res, next?)`: Express 4 and 5 and `node:http`, by structure alone. It reads the body up
 * to its limit in bytes, or takes what a parser has made of it; it judges nothing.
 */

import type { Receiver, WebhookAnswer } from './receiver.ts';

/** What the handler needs of a request: `IncomingMessage`, or Express's `Request`. */
export interface WebhookHttpRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Path and query before a framework cut off where the handler is mounted. */
  readonly originalUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly readableDidRead?: boolean;
  readonly body?: unknown;
  /** The body as it came, where somebody kept it. */
  readonly rawBody?: unknown;
  on(event: 'data' | 'end' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  pause?(): unknown;
}

/** What the handler needs of a response. */
export interface WebhookHttpResponse {
  statusCode: number;
  readonly headersSent?: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** Answers webhooks. `next` is never called. */
export type WebhookHandler = (
  req: WebhookHttpRequest,
  res: WebhookHttpResponse,
  next?: (error?: unknown) => void,
) => void;

type Body = { readonly body?: Uint8Array; readonly parsedBody?: unknown } | 'too_large' | 'lost' | 'broken';

/** Creates the handler of a receiver. */
export function createWebhookHandler(receiver: Receiver): WebhookHandler {
  async function respond(req: WebhookHttpRequest): Promise<WebhookAnswer | undefined> {
    const body = await bodyOf(req, receiver.maxBody);
    if (body === 'broken') return undefined;
    if (body === 'too_large') {
      return { ...receiver.tooLarge(), headers: { connection: 'close' } };
    }
    if (body === 'lost') return receiver.bodyLost();
    const { method = '', headers } = req;
    return receiver.receive({ method, url: req.originalUrl ?? req.url ?? '', headers, ...body });
  }

  return (req, res) => {
    respond(req).then(
      (answer) => {
        if (answer !== undefined) send(res, answer);
      },
      () => send(res, { status: 500, body: '{"status":"not_stored"}' }),
    );
  };
}

function send(res: WebhookHttpResponse, { status, body, headers = {} }: WebhookAnswer): void {
  // Somebody else, such as a timeout, may have answered first.
  if (res.headersSent === true) return;
  res.statusCode = status;
  res.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}

function bodyOf(req: WebhookHttpRequest, maxBody: number): Body | Promise<Body> {
  if (req.rawBody instanceof Uint8Array) return { body: req.rawBody };
  // A parser that did not know the content type leaves the stream as it was, and perhaps an empty `body`.
  if (req.readableDidRead === false) return readLimited(req, maxBody);
  if (req.body instanceof Uint8Array) return { body: req.body };
  if (req.body !== undefined && req.body !== null) return { parsedBody: req.body };
  const hasBody = Number(req.headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in req.headers;
  return hasBody ? 'lost' : {};
}

function readLimited(req: WebhookHttpRequest, maxBody: number): Body | Promise<Body> {
  if (Number(req.headers['content-length'] ?? 0) > maxBody) return 'too_large';
  return new Promise((resolve) => {
    let chunks: Uint8Array[] = [];
    let size = 0;
    req.on('data', (given: Uint8Array | string) => {
      // Strings come where somebody has set an encoding.
      const chunk = typeof given === 'string' ? Buffer.from(given) : given;
      size += chunk.length;
      if (size <= maxBody) return void chunks.push(chunk);
      chunks = [];
      req.pause?.();
      resolve('too_large');
    });
    req.on('end', () => resolve({ body: Buffer.concat(chunks) }));
    req.on('error', () => resolve('broken'));
    req.on('close', () => resolve('broken'));
  });
}

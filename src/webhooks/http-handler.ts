/**
 * Adapts the receiver to `(req, res, next?)`, for Express 4 and 5, `node:http` and HTTP/2. It knows them by structure
 * only. Every request is answered.
 */

import type { Receiver, WebhookAnswer } from './receiver.ts';
import { readRequestBody, type BodySource } from './request-body.ts';

/** The members of a request that the handler reads; `IncomingMessage` and Express's `Request` have them. */
export interface WebhookHttpRequest extends BodySource {
  readonly httpVersionMajor?: number;
  readonly url?: string | undefined;
  /** Path and query, with the path at which a framework has mounted the handler. */
  readonly originalUrl?: string | undefined;
}

/** The members of a response that the handler uses. */
export interface WebhookHttpResponse {
  statusCode: number;
  readonly headersSent?: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * Answers the provider's webhooks: with 2xx once an event is handled, with 4xx if it is refused, with 5xx if the
 * provider should send it again. `next` is never called.
 */
export type WebhookHandler = (
  req: WebhookHttpRequest,
  res: WebhookHttpResponse,
  next?: (error?: unknown) => void,
) => void;

const NOT_STORED: WebhookAnswer = { status: 500, body: '{"status":"not_stored"}' };

/** Creates the handler of a receiver. */
export function createWebhookHandler(receiver: Receiver): WebhookHandler {
  async function respond(req: WebhookHttpRequest): Promise<WebhookAnswer> {
    const body = await readRequestBody(req, receiver.maxBody);
    switch (body) {
      case 'broken':
        return NOT_STORED;
      case 'too_large':
        // HTTP/2 has no such header; there only the stream ends.
        return req.httpVersionMajor === 2
          ? receiver.tooLarge()
          : { ...receiver.tooLarge(), headers: { connection: 'close' } };
      case 'lost':
        return receiver.bodyLost();
      case 'lost_unannounced':
        return receiver.bodyLost({ isAnnounced: false });
      default: {
        const { method = '', headers } = req;
        return receiver.receive({ method, url: req.originalUrl ?? req.url ?? '', headers, ...body });
      }
    }
  }

  return (req, res) => {
    respond(req).then(
      (answer) => send(res, answer),
      () => send(res, NOT_STORED),
    );
  };
}

function send(res: WebhookHttpResponse, { status, body, headers = {} }: WebhookAnswer): void {
  // Another handler may have answered first: a timeout, for example.
  if (res.headersSent === true) return;
  res.statusCode = status;
  res.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}

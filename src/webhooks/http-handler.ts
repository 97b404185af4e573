/**
 * The receiver behind `(req, res, next?)`: Express 4 and 5, `node:http` and HTTP/2, by structure alone. Every request
 * is answered, and the receiver decides how.
 */

import type { Receiver, WebhookAnswer } from './receiver.ts';
import { readRequestBody, type BodySource } from './request-body.ts';

/** What the handler needs of a request: `IncomingMessage`, or Express's `Request`. */
export interface WebhookHttpRequest extends BodySource {
  readonly httpVersionMajor?: number;
  readonly url?: string | undefined;
  /** Path and query before a framework cut off the path at which the handler is mounted. */
  readonly originalUrl?: string | undefined;
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

const NOT_STORED: WebhookAnswer = { status: 500, body: '{"status":"not_stored"}' };

/** Creates the handler of a receiver. */
export function createWebhookHandler(receiver: Receiver): WebhookHandler {
  async function respond(req: WebhookHttpRequest): Promise<WebhookAnswer> {
    const body = await readRequestBody(req, receiver.maxBody);
    switch (body) {
      case 'broken':
        return NOT_STORED;
      case 'too_large':
        // HTTP/2 knows no such header; there only the stream ends.
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
  // A timeout of the host, for example, may have answered first.
  if (res.headersSent === true) return;
  res.statusCode = status;
  res.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}

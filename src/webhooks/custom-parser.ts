/** Webhooks of other dialects, read by a function of the user's. */

import { readInstant } from '../dates.ts';
import { readMsisdn } from '../msisdn/msisdn.ts';
import type { MessageEvent, WebhookChange } from './payload.ts';
import type { WebhookRequest } from './request.ts';

/** What a `parse` function is given. */
export interface WebhookParseRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as text, where it came unparsed. */
  readonly body: string | undefined;
  /** What a body parser made of it. */
  readonly parsedBody: unknown;
}

/** What a `parse` function returns: a text to be understood, or a direction. */
export interface WebhookEvent {
  /** The person's number. */
  readonly msisdn: string | number;
  /** What is told; left out, `text` is read for it. */
  readonly direction?: 'out' | 'in' | undefined;
  readonly text?: string | undefined;
  /** Our number. */
  readonly sender?: string | undefined;
  /** A `Date`, ms or seconds UTC, or text with day and time, such as ISO 8601. */
  readonly at?: number | Date | string | undefined;
  readonly messageId?: string | undefined;
  /** `receipt`: learnt from a delivery receipt. Default `inbound`. */
  readonly source?: 'inbound' | 'receipt' | undefined;
  /** Whether the function has checked who speaks. Default `false`: then the guard checks as for any other. */
  readonly isAuthentic?: boolean | undefined;
}

/** Asks the user's function. What it throws is the receiver's to answer: 500, so that the provider tries again. */
export function readCustom(
  parse: (request: WebhookParseRequest) => unknown,
  { method, url, headers, body, parsedBody }: WebhookRequest,
): { event: MessageEvent | WebhookChange; isAuthentic: boolean } | undefined {
  const written = body === undefined ? undefined : Buffer.from(body).toString('utf8');
  const result = parse({ method, url, headers, body: written, parsedBody });
  if (result === undefined || result === null) return undefined;
  if (typeof result !== 'object') throw new TypeError('parse returned neither an event nor undefined');
  const event = result as Partial<WebhookEvent>;
  const msisdn = readMsisdn(event.msisdn);
  if (msisdn === undefined) throw new TypeError('parse returned an event whose msisdn cannot be read');
  const common = { sender: event.sender, at: readInstant(event.at), messageId: event.messageId };
  const isAuthentic = event.isAuthentic === true;
  const source = event.source === 'receipt' ? 'receipt' : 'inbound';
  if (event.direction === 'out' || event.direction === 'in') {
    const { direction, text } = event;
    return { event: { direction, msisdn, source, text, isProven: false, ...common }, isAuthentic };
  }
  if (event.direction !== undefined)
    throw new TypeError("parse returned a direction other than 'out' and 'in'");
  const texts = typeof event.text === 'string' ? [event.text] : [];
  const message = { person: msisdn, texts, isGuessed: false, part: undefined };
  return { event: { kind: 'message', ...message, ...common }, isAuthentic };
}

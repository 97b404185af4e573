/** Reads webhooks of other formats with the user's `parse` function. */

import { readInstant } from '../dates.ts';
import { readMsisdn } from '../msisdn/msisdn.ts';
import type { MessageEvent, WebhookChange } from './payload.ts';
import type { WebhookRequest } from './request.ts';

/** The request that a `parse` function is called with. */
export interface WebhookParseRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as text (UTF-8), if no body parser has read it. */
  readonly body: string | undefined;
  /** The result of a body parser. */
  readonly parsedBody: unknown;
}

/** The event that a `parse` function returns: with a `direction`, or with a `text` that is interpreted. */
export interface WebhookEvent {
  /** The person's number. */
  readonly msisdn: string | number;
  /** Whether the person opts out or in. If left out, `text` is interpreted. */
  readonly direction?: 'out' | 'in' | undefined;
  readonly text?: string | undefined;
  /** Our number. */
  readonly sender?: string | undefined;
  /** When the person acted: a `Date`, ms or seconds since 1970 (UTC), or text with day and time, such as ISO 8601. */
  readonly at?: number | Date | string | undefined;
  readonly messageId?: string | undefined;
  /** `receipt` for an event of a delivery receipt. Default `inbound`, for a message. */
  readonly source?: 'inbound' | 'receipt' | undefined;
  /** Whether `parse` has authenticated the request. Default `false`: the guard authenticates it. */
  readonly isAuthentic?: boolean | undefined;
}

/**
 * Reads a request with the user's function.
 *
 * @returns the event; `undefined` if the function returns `undefined` or `null`.
 * @throws TypeError if the function returns no event, and whatever the function throws. The receiver answers with 500
 * then, so that the provider tries again.
 */
export function readCustom(
  parse: (request: WebhookParseRequest) => unknown,
  { method, url, headers, body, parsedBody }: WebhookRequest,
): { event: MessageEvent | WebhookChange; isAuthentic: boolean } | undefined {
  const bodyText = body === undefined ? undefined : Buffer.from(body).toString('utf8');
  const result = parse({ method, url, headers, body: bodyText, parsedBody });
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

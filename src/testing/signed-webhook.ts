/** Creates webhooks as the provider signs them, for tests of a service that receives webhooks. */

import { makeWebhook, type WebhookHttp, type WebhookSpec } from './simulator/webhook-request.ts';

/**
 * Creates the request of a signed webhook. By default it is a text message STOP, sent as a form that is signed with
 * HMAC-SHA256.
 *
 * @param spec the webhook; only `person`, the person's number as a string, is required.
 * @returns the method, URL, headers and body, for `fetch` or another client.
 * @throws TypeError if `person` is missing or no string.
 *
 * @example
 * const secret = 'test-signature-secret';
 * const { url, ...request } = signedWebhook({ person: '15551234567', path: '/webhooks/sms', secret });
 * await fetch(`http://127.0.0.1:3000${url}`, request);
 */
export function signedWebhook(spec: WebhookSpec): WebhookHttp {
  const given: unknown = spec;
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`signedWebhook: expected an object with person, received ${kindOf(given)}`);
  }
  const { person }: { person?: unknown } = given;
  if (typeof person !== 'string' || person.trim() === '') {
    throw new TypeError(
      `signedWebhook: person: expected the person's number as text, such as '15551234567', received ${kindOf(person)}`,
    );
  }
  return makeWebhook(spec);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return value.trim() === '' ? 'an empty string' : 'a string';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

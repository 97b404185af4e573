/** Webhooks as the provider signs them, for tests of one's own receiver. */

import { makeWebhook, type WebhookHttp, type WebhookSpec } from './simulator/webhook-request.ts';

/**
 * Writes a signed webhook as a request: by default somebody texts STOP, as a form signed with HMAC-SHA256.
 *
 * @throws TypeError where `person`, the number of the person as text, is missing.
 *
 * @example
 * const { method, url, headers, body } = signedWebhook({ person: '15551234567', path: '/webhooks/sms', secret });
 * await fetch(`http://127.0.0.1:3000${url}`, { method, headers, body });
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

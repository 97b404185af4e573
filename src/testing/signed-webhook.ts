/** Webhooks as the provider signs them, for tests of one's own receiver. */

import { makeWebhook, type WebhookHttp, type WebhookSpec } from './simulator/webhook-request.ts';

/**
 * Writes a signed webhook as a request: by default somebody texts STOP, as a form signed with HMAC-SHA256.
 *
 * @example
 * const { method, url, headers, body } = signedWebhook({ person: '15551234567', path: '/webhooks/sms', secret });
 * await fetch(`http://127.0.0.1:3000${url}`, { method, headers, body });
 */
export function signedWebhook(spec: WebhookSpec): WebhookHttp {
  return makeWebhook(spec);
}

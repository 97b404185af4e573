/** Webhooks as the provider signs them, for tests of one's own receiver. */

import { makeWebhook, type WebhookHttp, type WebhookSpec } from './simulator/webhook-request.ts';

/**
 * Writes a signed webhook as a request.
 *
 * @example
 * const { method, query, headers, body } = signedWebhook({ person: '15551234567', text: 'STOP', secret });
 * await fetch(`http://127.0.0.1:3000/webhooks/sms${query}`, { method, headers, body });
 */
export function signedWebhook(spec: WebhookSpec): WebhookHttp {
  return makeWebhook(spec);
}

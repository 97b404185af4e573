/** Creates requests of the provider's webhooks, in every shape, method and signature. */

import { randomUUID } from 'node:crypto';
import { makeSig, makeToken, type SigMethod } from './signing.ts';

/** The content and form of a webhook. */
export interface WebhookSpec {
  /**
   * The kind of webhook: a message of a person, or a receipt or status of a message to a person. Default `sms-inbound`.
   */
  readonly shape?:
    | 'sms-inbound'
    | 'sms-receipt'
    | 'messages-inbound'
    | 'messages-inbound-nested'
    | 'messages-status'
    | undefined;
  /** The person's number, digits. */
  readonly person: string;
  /** The number of the service. Default `73737`. */
  readonly sender?: string | undefined;
  /** The text of a message. Default `STOP`. */
  readonly text?: string | undefined;
  /** The `err-code` of a receipt, or the title of a status's error. Default 9 and 1240: the person has opted out. */
  readonly errorCode?: string | number | undefined;
  /** When the provider began to push, ms UTC. Default now. */
  readonly at?: number | undefined;
  /** Default a random id. */
  readonly messageId?: string | undefined;
  /** The method and body. Webhooks of the Messages API are always `post-json`. Default `post-form`. */
  readonly transport?: 'get' | 'post-form' | 'post-json' | undefined;
  /** Further parameters, or other values of the usual ones. `undefined` removes a parameter. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** How it is signed. Default `sig` for shapes of the SMS API, `jwt` for those of the Messages API. */
  readonly signed?: 'sig' | 'jwt' | 'wrong-sig' | 'wrong-jwt' | 'none' | undefined;
  /** The signature secret. Default `test-signature-secret`. */
  readonly secret?: string | undefined;
  /** The method of `sig`. Default `sha256`. */
  readonly method?: SigMethod | undefined;
  /** The account in a token's claims. Default `test-key`. */
  readonly apiKey?: string | undefined;
  /** The path or URL of the receiver, which `url` begins with. Default an empty string. */
  readonly path?: string | undefined;
}

/** A request, for `fetch(base + url, request)`. */
export interface WebhookHttp {
  readonly method: 'GET' | 'POST';
  /** The `path` of the spec, and the query. */
  readonly url: string;
  /** The query, beginning with `?`; an empty string if there is none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const DEFAULT_SIGNATURE_SECRET = 'test-signature-secret';

/** Creates the request of a webhook, as the provider sends it. */
export function makeWebhook(spec: WebhookSpec): WebhookHttp {
  const { shape = 'sms-inbound', secret = DEFAULT_SIGNATURE_SECRET, method = 'sha256' } = spec;
  const isMessages = shape.startsWith('messages');
  const signed = spec.signed ?? (isMessages ? 'jwt' : 'sig');
  const at = spec.at ?? Date.now();
  const payload: Record<string, unknown> = { ...payloadOf(shape, spec, at), ...spec.extra };
  for (const name of Object.keys(payload)) if (payload[name] === undefined) delete payload[name];
  if (signed.endsWith('sig')) {
    payload['timestamp'] = String(Math.floor(at / 1000));
    payload['nonce'] = randomUUID();
    const texts = Object.fromEntries(
      Object.entries(payload).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
    payload['sig'] = makeSig(texts, signed === 'sig' ? secret : `not ${secret}`, method);
  }
  const transport = isMessages ? 'post-json' : (spec.transport ?? 'post-form');
  const form = new URLSearchParams(payload as Record<string, string>).toString();
  const { path = '', apiKey = 'test-key' } = spec;
  if (transport === 'get') {
    const url = `${path}${path.includes('?') ? '&' : '?'}${form}`;
    return { method: 'GET', url, query: `?${form}`, headers: {} };
  }
  const body = transport === 'post-form' ? form : JSON.stringify(payload);
  const type = transport === 'post-form' ? 'application/x-www-form-urlencoded' : 'application/json';
  const headers: Record<string, string> = { 'content-type': type };
  if (signed.endsWith('jwt')) {
    const key = signed === 'jwt' ? secret : `not ${secret}`;
    headers['authorization'] = `Bearer ${makeToken(body, key, { apiKey, iat: Math.floor(at / 1000) })}`;
  }
  return { method: 'POST', url: path, query: '', headers, body };
}

function payloadOf(
  shape: NonNullable<WebhookSpec['shape']>,
  spec: WebhookSpec,
  at: number,
): Record<string, unknown> {
  const { person, sender = '73737', text = 'STOP', messageId = randomUUID() } = spec;
  const iso = new Date(at).toISOString();
  const timestamp = iso.slice(0, 19).replace('T', ' ');
  switch (shape) {
    case 'sms-inbound': {
      const keyword = text.trim().split(/\s+/)[0]?.toUpperCase() ?? '';
      return {
        msisdn: person,
        to: sender,
        messageId,
        text,
        type: 'text',
        keyword,
        'message-timestamp': timestamp,
      };
    }
    case 'sms-receipt':
      return {
        ...{
          msisdn: person,
          to: sender,
          messageId,
          status: 'rejected',
          'err-code': String(spec.errorCode ?? 9),
        },
        ...{ 'network-code': '310090', price: '0.00', scts: '2001011400', 'message-timestamp': timestamp },
      };
    case 'messages-inbound':
      return {
        ...{ channel: 'sms', message_uuid: messageId, to: sender, from: person, timestamp: iso, text },
        ...{
          message_type: 'text',
          sms: { num_messages: '1', keyword: text.split(' ')[0]?.toUpperCase() ?? '' },
        },
      };
    case 'messages-inbound-nested':
      return {
        ...{ message_uuid: messageId, timestamp: iso, direction: 'inbound' },
        ...{ from: { type: 'sms', number: person }, to: { type: 'sms', number: sender } },
        message: { content: { type: 'text', text } },
      };
    case 'messages-status': {
      const title = spec.errorCode ?? 1240;
      const error = {
        type: `https://developer.example/api-errors/messages#${title}`,
        title,
        detail: 'refused',
      };
      const parties = { message_uuid: messageId, to: person, from: sender, channel: 'sms' };
      return { ...parties, timestamp: iso, status: 'rejected', error };
    }
  }
}

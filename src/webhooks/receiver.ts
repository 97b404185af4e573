/**
 * The webhook receiver on plain data, for any host: request in, answer out. Others judge who speaks and what is said;
 * what that changes is the sink's to store. 2xx is answered only once the change can no longer be lost.
 */

import type { Clock } from '../clock.ts';
import { GuardError, WebhookError, type WebhookErrorCode } from '../errors.ts';
import { createAuthenticator } from './authentication.ts';
import { readCustom } from './custom-parser.ts';
import { createInterpreter, unreadable, type ChangeSink } from './interpreter.ts';
import { readWebhooksOptions, type WebhooksOptions } from './options.ts';
import { readParameters, type ParametersFault } from './parameters.ts';
import { readPayload } from './payload.ts';
import type { Parameters, WebhookRequest } from './request.ts';

/** Where the receiver hands on what it learnt. */
export interface WebhookSink extends ChangeSink {
  warn(code: string, message: string): void;
  /** A webhook was answered with a 4xx. */
  refused(error: WebhookError): void;
  /** A webhook could not be handled for a fault of our own, or of a function of the user's. */
  failed(error: WebhookError): void;
}

export interface WebhookAnswer {
  readonly status: 200 | 400 | 401 | 405 | 413 | 415 | 500 | 503;
  /** JSON. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Receiver {
  /** Never rejects. */
  receive(request: WebhookRequest): Promise<WebhookAnswer>;
  /** Bytes of the largest body. */
  readonly maxBody: number;
  /** How old an opt-in may be, ms. */
  readonly replayWindow: number;
  /** The answer to a body that is too large. */
  tooLarge(): WebhookAnswer;
  /**
   * The answer to a request whose body another reader consumed without keeping it: 500, and 400 where no header
   * announced a body (`isAnnounced: false`). The provider tries again after both.
   */
  bodyLost(options?: { readonly isAnnounced?: boolean }): WebhookAnswer;
}

/**
 * Creates a receiver.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function createReceiver(
  options: WebhooksOptions,
  { clock, sink }: { readonly clock: Clock; readonly sink: WebhookSink },
): Receiver {
  const config = readWebhooksOptions(options);
  const { maxBody, replayWindow, parse } = config;
  const judge = createInterpreter(config, { clock, sink });
  const authenticate = createAuthenticator(config, () => {
    sink.warn(
      'webhook_body_parsed',
      'the signed hash does not fit the body that a parser has read before: such a webhook can block but not unblock; mount the webhooks before any body parser',
    );
  });

  async function handle(request: WebhookRequest): Promise<string> {
    const method = request.method.toUpperCase();
    if (method !== 'GET' && method !== 'POST') {
      throw new WebhookError('webhook_method', 405, 'a webhook is a GET or a POST');
    }
    if (Math.max(sizeOf(request), request.url.length) > maxBody) throw tooLargeError();
    const custom = parse && readCustom(parse, request);
    if (custom?.isAuthentic === true) return judge(custom.event, 'proven', undefined);
    const isGet = method === 'GET';
    const given = readParameters({
      url: request.url,
      headers: request.headers,
      bytes: isGet ? undefined : request.body,
      parsed: isGet ? undefined : request.parsedBody,
    });
    const parameters = typeof given === 'string' && custom !== undefined ? NO_PARAMETERS : given;
    if (typeof parameters === 'string') throw faultError(parameters);
    const { trust, tokenId } = await authenticate(request, parameters);
    const event = custom?.event ?? readPayload(parameters);
    const nonce = parameters.values.get('nonce');
    return judge(event, trust, tokenId ?? (typeof nonce === 'string' ? nonce : undefined));
  }

  function refusal(error: WebhookError): WebhookAnswer {
    try {
      sink.refused(error);
    } catch {
      // Whoever counts refusals must not change the answer.
    }
    const headers = error.status === 405 ? { allow: 'GET, POST' } : undefined;
    return answer(error.status, 'refused', error.code, headers);
  }

  return {
    maxBody,
    replayWindow,
    tooLarge: () => refusal(tooLargeError()),
    bodyLost({ isAnnounced = true } = {}) {
      sink.warn(
        'webhook_body_lost',
        'the body of a webhook was read before the guard saw it and left nothing behind; mount the webhooks before any body parser',
      );
      if (!isAnnounced) return refusal(unreadable('its body was read before'));
      return answer(500, 'not_stored', 'webhook_unreadable');
    },
    async receive(request) {
      try {
        return answer(200, await handle(request));
      } catch (error) {
        if (error instanceof WebhookError) return refusal(error);
        if (error instanceof GuardError) return answer(503, 'not_stored');
        const message = 'a webhook could not be handled';
        sink.failed(new WebhookError('webhook_failed', 500, message, { cause: error }));
        return answer(500, 'not_stored');
      }
    },
  };
}

const NO_PARAMETERS: Parameters = { from: 'query', values: new Map(), repeated: new Set() };

/** Bytes of the body as it came, or of what a parser made of it. */
function sizeOf({ body, parsedBody }: WebhookRequest): number {
  if (body !== undefined) return body.length;
  if (typeof parsedBody === 'string') return Buffer.byteLength(parsedBody);
  try {
    return Buffer.byteLength(JSON.stringify(parsedBody) ?? '');
  } catch {
    // What cannot be written is not understood either.
    return 0;
  }
}

function answer(
  status: WebhookAnswer['status'],
  word: string,
  code?: WebhookErrorCode,
  headers?: Readonly<Record<string, string>>,
): WebhookAnswer {
  const body = JSON.stringify(code === undefined ? { status: word } : { status: word, code });
  return headers === undefined ? { status, body } : { status, body, headers };
}

const tooLargeError = (reason = 'the webhook is too large') =>
  new WebhookError('webhook_too_large', 413, reason);

function faultError(fault: ParametersFault): WebhookError {
  switch (fault) {
    case 'too_many':
      return tooLargeError('the webhook has too many parameters');
    case 'unknown_format':
      return unreadable('its body is neither JSON nor a form: its headers name another format', 415);
    case 'unreadable':
      return unreadable('its body is neither a JSON object nor a form');
  }
}

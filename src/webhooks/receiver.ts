/**
 * The webhook receiver, independent of the host: it takes a request as plain data and returns an answer. It reads and
 * authenticates the request, and records what its event changes. It answers 2xx only once the change is durable.
 */

import type { Clock } from '../clock.ts';
import { GuardError, WebhookError, type WebhookErrorCode } from '../errors.ts';
import { createAuthenticator } from './authentication.ts';
import type { ChangeSink, EventResult } from './change-recorder.ts';
import { readCustom } from './custom-parser.ts';
import { createInterpreter, unreadableError } from './interpreter.ts';
import { readWebhooksOptions, type WebhooksOptions } from './options.ts';
import { readParameters, type ParametersFault } from './parameters.ts';
import { readPayload } from './payload.ts';
import type { Parameters, WebhookRequest } from './request.ts';

/** Takes the changes, reports and errors of a receiver. */
export interface WebhookSink extends ChangeSink {
  warn(code: string, message: string): void;
  /** Called for a webhook that was answered with a 4xx. */
  refused(error: WebhookError): void;
  /** Called for a webhook that was answered with 500, for a fault of this package or of the user's `parse`. */
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
  /** The largest body, bytes. */
  readonly maxBody: number;
  /** How old an opt-in may be, ms. */
  readonly replayWindow: number;
  /** Answers a request whose body is too large. */
  tooLarge(): WebhookAnswer;
  /**
   * Answers a request whose body was read before and not kept: with 500, or with 400 if no header announced a body
   * (`isAnnounced: false`). The provider tries again after both.
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
  const interpret = createInterpreter(config, { clock, sink });
  const authenticate = createAuthenticator(config, () => {
    sink.warn(
      'webhook_body_parsed',
      'the signed hash does not fit the body that a parser has read before: such a webhook can block but not unblock; mount the webhooks before any body parser',
    );
  });

  /** @throws WebhookError that answers with a 4xx; StoreError if the change could not be stored. */
  async function handle(request: WebhookRequest): Promise<EventResult> {
    const method = request.method.toUpperCase();
    if (method !== 'GET' && method !== 'POST') {
      throw new WebhookError('webhook_method', 405, 'a webhook is a GET or a POST');
    }
    if (Math.max(sizeOf(request), request.url.length) > maxBody) throw tooLargeError();
    const custom = parse && readCustom(parse, request);
    if (custom?.isAuthentic === true) return interpret(custom.event, 'proven', undefined);
    const isGet = method === 'GET';
    const result = readParameters({
      url: request.url,
      headers: request.headers,
      bytes: isGet ? undefined : request.body,
      parsed: isGet ? undefined : request.parsedBody,
    });
    // `parse` may read bodies without parameters.
    const parameters = typeof result === 'string' && custom !== undefined ? NO_PARAMETERS : result;
    if (typeof parameters === 'string') throw parametersError(parameters);
    const { trust, tokenId } = await authenticate(request, parameters);
    const event = custom?.event ?? readPayload(parameters);
    const nonce = parameters.values.get('nonce');
    return interpret(event, trust, tokenId ?? (typeof nonce === 'string' ? nonce : undefined));
  }

  function refuse(error: WebhookError): WebhookAnswer {
    try {
      sink.refused(error);
    } catch {
      // A failing sink must not change the answer.
    }
    const headers = error.status === 405 ? { allow: 'GET, POST' } : undefined;
    return answer(error.status, 'refused', error.code, headers);
  }

  return {
    maxBody,
    replayWindow,
    tooLarge: () => refuse(tooLargeError()),
    bodyLost({ isAnnounced = true } = {}) {
      sink.warn(
        'webhook_body_lost',
        'the body of a webhook was read before the guard saw it and left nothing behind; mount the webhooks before any body parser',
      );
      if (!isAnnounced) return refuse(unreadableError('its body was read before'));
      return answer(500, 'not_stored', 'webhook_unreadable');
    },
    async receive(request) {
      try {
        return answer(200, await handle(request));
      } catch (error) {
        if (error instanceof WebhookError) return refuse(error);
        if (error instanceof GuardError) return answer(503, 'not_stored');
        const message = 'a webhook could not be handled';
        sink.failed(new WebhookError('webhook_failed', 500, message, { cause: error }));
        return answer(500, 'not_stored');
      }
    },
  };
}

const NO_PARAMETERS: Parameters = { from: 'query', values: new Map(), repeated: new Set() };

/** Returns the bytes of the body, or those of the parsed body when it is serialised again. */
function sizeOf({ body, parsedBody }: WebhookRequest): number {
  if (body !== undefined) return body.length;
  if (typeof parsedBody === 'string') return Buffer.byteLength(parsedBody);
  try {
    return Buffer.byteLength(JSON.stringify(parsedBody) ?? '');
  } catch {
    // It cannot be serialised: its size is unknown.
    return 0;
  }
}

function answer(
  status: WebhookAnswer['status'],
  word: EventResult | 'refused' | 'not_stored',
  code?: WebhookErrorCode,
  headers?: Readonly<Record<string, string>>,
): WebhookAnswer {
  const body = JSON.stringify(code === undefined ? { status: word } : { status: word, code });
  return headers === undefined ? { status, body } : { status, body, headers };
}

const tooLargeError = (reason = 'the webhook is too large') =>
  new WebhookError('webhook_too_large', 413, reason);

function parametersError(fault: ParametersFault): WebhookError {
  switch (fault) {
    case 'too_many':
      return tooLargeError('the webhook has too many parameters');
    case 'unknown_format':
      return unreadableError('its body is neither JSON nor a form: its headers name another format', 415);
    case 'unreadable':
      return unreadableError('its body is neither a JSON object nor a form');
  }
}

/**
 * The webhook receiver on plain data, for any host: request in, answer out. It judges who speaks and what is said;
 * what that changes is the sink's to store. 2xx is answered only once the change can no longer be lost.
 */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { GuardError, WebhookError, type WebhookErrorCode } from '../errors.ts';
import { readMsisdn } from '../msisdn.ts';
import { createKeywords } from '../optouts/keywords.ts';
import { createAuthenticator, type Trust } from './authenticity.ts';
import { readCustom } from './dialect.ts';
import { readWebhooksOptions, type WebhooksOptions } from './options.ts';
import { readParameters, type Parameters } from './parameters.ts';
import { createPartJoiner } from './parts.ts';
import { readPayload, type MessageEvent, type PayloadEvent } from './payload.ts';

/** A change that a webhook tells. Times in ms UTC. */
export interface WebhookNews {
  readonly direction: 'out' | 'in';
  readonly msisdn: string;
  /** Our number that the message was sent to or came from, as it was written. */
  readonly sender?: string | undefined;
  /** When the person acted, by the provider's clock. */
  readonly at?: number | undefined;
  readonly source: 'inbound' | 'receipt';
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
  /** Whether it comes from the provider beyond doubt. */
  readonly isProven: boolean;
}

/** Where the receiver hands on what it learnt. */
export interface WebhookSink {
  /** Resolves once the change is durable and counts. `not_honoured`: an opt-in that this list does not take. */
  record(news: WebhookNews): Promise<'recorded' | 'known' | 'not_honoured'>;
  unclear(event: {
    readonly msisdn: string;
    readonly sender?: string | undefined;
    readonly matched: string;
    readonly blocked: boolean;
    readonly text: string;
  }): void;
  warn(code: string, message: string): void;
  /** A webhook was answered with a 4xx. */
  refused(error: WebhookError): void;
  /** A webhook could not be handled for a fault of our own, or of a function of the user's. */
  failed(error: WebhookError): void;
}

/** A request as the receiver takes it. `body` as it came, or what a parser made of it. */
export interface WebhookRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: Uint8Array | undefined;
  readonly parsedBody?: unknown;
}

export interface WebhookAnswer {
  readonly status: 200 | 400 | 401 | 405 | 413 | 500 | 503;
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
  /** The answer where the body was read before us and is gone. */
  bodyLost(): WebhookAnswer;
}

const REMEMBERED_IDS = 100_000;
/** Characters kept of what a person wrote; a message of ten parts has 1 530. */
const LONGEST_KEPT_TEXT = 4_096;

/**
 * Creates a receiver.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function createReceiver(
  options: WebhooksOptions,
  { clock, sink }: { readonly clock: Clock; readonly sink: WebhookSink },
): Receiver {
  const { maxBody, replayWindow, parse, ...config } = readWebhooksOptions(options);
  const read = createKeywords(config.keywords);
  const joiner = createPartJoiner(clock);
  const remembered = new LRUCache<string, true>({ max: REMEMBERED_IDS });
  const firstTold = new LRUCache<string, number>({ max: REMEMBERED_IDS });
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
    const parameters =
      readParameters({
        url: request.url,
        bytes: isGet ? undefined : request.body,
        parsed: isGet ? undefined : request.parsedBody,
      }) ??
      (custom && NO_PARAMETERS);
    if (parameters === undefined) throw unreadable('its body cannot be read');
    const { trust, tokenId } = await authenticate(request, parameters);
    const event = custom?.event ?? readPayload(parameters);
    const nonce = parameters.values.get('nonce');
    return judge(event, trust, tokenId ?? (typeof nonce === 'string' ? nonce : undefined));
  }

  async function judge(
    event: PayloadEvent | WebhookNews,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    if ('direction' in event) {
      if (event.direction === 'in' && !isRecent(event.at)) return 'ignored';
      return keep({ ...event, isProven: trust === 'proven' }, requestId);
    }
    if (event.kind === 'other') return 'ignored';
    if (event.kind === 'message') return judgeMessage(event, trust, requestId);
    const { person, ...rest } = event;
    return keep(newsOf('out', person, rest, 'receipt', trust), requestId);
  }

  /** Whether an opt-in of that time counts: one without a time never does. */
  function isRecent(at: number | undefined): boolean {
    return at !== undefined && clock.now() - at <= replayWindow;
  }

  async function judgeMessage(
    event: MessageEvent,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    const { person, sender, texts, part } = event;
    const readings = texts.map((written) => ({ written, match: read(written) }));
    if (part !== undefined) {
      const whole = joiner.add([person, sender, trust], part);
      if (whole !== undefined) readings.push({ written: whole, match: read(whole) });
    }
    const out = readings.find(({ match }) => match.meaning === 'opt_out');
    if (out) return keep(newsOf('out', person, { ...event, text: out.written }, 'inbound', trust), requestId);
    const unclear = readings.find(({ match }) => match.meaning === 'unclear');
    if (unclear) return judgeUnclear(event, unclear.written, unclear.match, trust, requestId);
    // A part alone, or a guess at binary data, proves nothing.
    const last = readings.at(-1);
    const isWhole = !event.isGuessed && (part === undefined || readings.length > texts.length);
    if (last?.match.meaning !== 'opt_in' || !isWhole || trust !== 'proven') return 'ignored';
    if (!isRecent(event.at)) return 'ignored';
    return keep(newsOf('in', person, { ...event, text: last.written }, 'inbound', trust), requestId);
  }

  async function judgeUnclear(
    event: MessageEvent,
    written: string,
    { blocks, matched = '' }: { blocks: boolean; matched?: string },
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    const { person, sender } = event;
    const blocked = blocks && config.unclear === 'block';
    const msisdn = readMsisdn(person);
    if (!blocked) {
      const id = event.messageId ?? requestId;
      const key = id === undefined ? undefined : keyOf('unclear', msisdn, sender, id, event.at, trust);
      if (key !== undefined && remembered.has(key)) return 'known';
      if (key !== undefined) remembered.set(key, true);
      if (msisdn !== undefined) sink.unclear({ msisdn, sender, matched, blocked, text: written });
      return 'reported';
    }
    const news = newsOf('out', person, { ...event, text: written }, 'inbound', trust);
    const result = await keep(news, requestId);
    if (result === 'recorded') {
      sink.unclear({ msisdn: news.msisdn, sender, matched, blocked, text: written });
    }
    return result;
  }

  /**
   * The time of an opt-in as it was first told: the provider may send one again under a new time, after an opt-out
   * that it must not beat.
   */
  function asFirstTold(news: WebhookNews): WebhookNews {
    const { direction, msisdn, messageId, at } = news;
    if (direction === 'out' || messageId === undefined || at === undefined) return news;
    const key = keyOf(msisdn, messageId);
    const first = Math.min(at, firstTold.get(key) ?? at);
    firstTold.set(key, first);
    return { ...news, at: first };
  }

  /** Stores a change; one that was stored before is only answered. */
  async function keep(told: WebhookNews, requestId: string | undefined): Promise<string> {
    const news = asFirstTold(told);
    const id = news.messageId ?? requestId;
    const key =
      id === undefined
        ? undefined
        : keyOf(news.direction, news.source, news.msisdn, news.sender, id, news.at, news.isProven);
    if (key !== undefined && remembered.has(key)) return 'known';
    const result = await sink.record(news);
    if (key !== undefined && result !== 'not_honoured') remembered.set(key, true);
    return result === 'not_honoured' ? 'ignored' : result;
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
    bodyLost() {
      sink.warn(
        'webhook_body_lost',
        'the body of a webhook was read before the guard saw it and left nothing behind; mount the webhooks before any body parser',
      );
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

function newsOf(
  direction: WebhookNews['direction'],
  person: string | undefined,
  details: Pick<WebhookNews, 'sender' | 'at' | 'messageId' | 'text'>,
  source: WebhookNews['source'],
  trust: Trust,
): WebhookNews {
  const msisdn = readMsisdn(person);
  if (msisdn === undefined) throw unreadable('the number of its person cannot be read');
  const { sender, at, messageId } = details;
  return {
    direction,
    msisdn,
    sender,
    at,
    source,
    messageId,
    text: details.text?.slice(0, LONGEST_KEPT_TEXT),
    isProven: trust === 'proven',
  };
}

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

/** A key of one size, however long the parts that a stranger may choose. */
function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
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

const tooLargeError = () => new WebhookError('webhook_too_large', 413, 'the webhook is too large');
const unreadable = (reason: string) =>
  new WebhookError('webhook_unreadable', 400, `the webhook is not understood: ${reason}`);

/**
 * The client of the query and manage endpoints of the provider's campaign subscription management, over undici. It
 * retries requests that may succeed later, and accepts only well-formed replies. Credentials are sent only in the body
 * of a POST: they are never in a URL, a log or an error.
 */

import { createHash } from 'node:crypto';
import { request, type Dispatcher } from 'undici';
import { startTimer, systemClock, withDeadline, type Clock } from '../../clock.ts';
import { ConfigError, ProviderError } from '../../errors.ts';
import {
  MAX_TIMER_MS,
  callback,
  duration,
  integer,
  oneOf,
  optional,
  readFields,
  refuse,
  text,
  withDefault,
  withMethods,
  type Duration,
} from '../../options/fields.ts';
import { firstValue, retryAfterMsOf, serverTimeOf } from './headers.ts';
import type { Provider } from '../provider.ts';
import { offerRawReplies, withTextBody, type RawReply, type RequestRawPage } from '../raw-replies.ts';
import { checkOptedIn, readPage } from './reply.ts';
import { SIGNING_METHODS, signParameters, type SigningMethod } from './request-signing.ts';

/** The options of {@link vonage}. Exactly one of `apiSecret` and `signature` is required. */
export interface VonageOptions {
  /** The account's API key. */
  readonly apiKey: string;
  /** The account's API secret. It is sent in the body of each request. */
  readonly apiSecret?: string | undefined;
  /** The account's signature secret and method. Requests are signed, and no secret is sent. */
  readonly signature?: { readonly secret: string; readonly method: SigningMethod } | undefined;
  /** The base URL of the provider. Default `https://rest.nexmo.com`. `http:` is accepted only for loopback. */
  readonly baseUrl?: string | undefined;
  /** The time limit of one attempt, including connect, headers and body. Default `'30s'`. */
  readonly timeout?: Duration | undefined;
  /** How often a request that failed for a transient reason is repeated: 0 to 10. Default 3. */
  readonly retries?: number | undefined;
  /** An undici `Dispatcher`, for proxies. */
  readonly dispatcher?: Dispatcher | undefined;
  /** The clock. Default the machine's. */
  readonly clock?: Clock | undefined;
  /** Returns numbers from 0 to below 1, for the waits between attempts. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const QUERY_PATH = '/sc/us/alert/opt-in/query/json';
const MANAGE_PATH = '/sc/us/alert/opt-in/manage/json';
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** Longest wait before the first retry, ms. It doubles with each retry. */
const BACKOFF_MS = 500;
const BACKOFF_CAP_MS = 8_000;
/** With a longer `Retry-After` the client does not retry, ms: the poller waits for it before its next sweep. */
const LONGEST_RETRY_AFTER_MS = 5_000;
/** Errors that a retry may resolve. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'provider_unreachable',
  'provider_timeout',
  'provider_throttled',
  'provider_unavailable',
]);

/**
 * Creates the provider for an account of Vonage (formerly Nexmo). It reads the account's opt-out list, and opts numbers
 * in. Its calls reject with a ProviderError if the provider fails.
 *
 * @throws ConfigError for options that cannot be used.
 *
 * @example
 * const guard = createGuard({ provider: vonage({ apiKey: 'my-key', apiSecret: 'my-secret' }) });
 */
export function vonage(options: VonageOptions): Provider {
  const config = readOptions(options);
  const { apiKey, apiSecret, signature, baseUrl, timeout, retries, dispatcher, clock, random } = config;

  function encodeBody(parameters: Readonly<Record<string, string>>): string {
    const withKey = { ...parameters, api_key: apiKey };
    if (signature === undefined) {
      return new URLSearchParams({ ...withKey, ...(apiSecret && { api_secret: apiSecret }) }).toString();
    }
    const signed = { ...withKey, timestamp: String(Math.floor(clock.now() / 1000)) };
    return new URLSearchParams({ ...signed, sig: signParameters(signed, signature) }).toString();
  }

  const timeoutError = () =>
    new ProviderError('provider_timeout', `the provider did not answer within ${timeout} ms`);

  async function attempt(
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<RawReply> {
    try {
      const response = await request(new URL(baseUrl + path), {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: encodeBody(parameters),
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      const { headers } = response;
      const serverTime = serverTimeOf(headers);
      const headersAt = clock.monotonic();
      const body = await readLimited(response.body);
      return {
        httpStatus: response.statusCode,
        body,
        contentType: firstValue(headers['content-type']),
        retryAfterMs: retryAfterMsOf(headers['retry-after'], clock.now()),
        // The time since the headers came, which reading the body took, is added.
        serverTime: serverTime === undefined ? undefined : serverTime + clock.monotonic() - headersAt,
      };
    } catch (error) {
      throw error instanceof ProviderError ? error : unreachableError(error);
    }
  }

  /** Sends a request until a reply can be parsed, an error is not transient, or the retries are used up. */
  async function send<T>(
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
    parse: (reply: RawReply) => Promise<T> | T,
  ): Promise<T> {
    for (let retried = 0; ; retried++) {
      try {
        const deadline = { clock, ms: timeout, signal, timeoutError, abortError };
        return await parse(await withDeadline(deadline, (ended) => attempt(path, parameters, ended)));
      } catch (error) {
        if (!(error instanceof ProviderError) || !TRANSIENT.has(error.code) || retried >= retries)
          throw error;
        const { retryAfterMs = 0 } = error;
        if (retryAfterMs > LONGEST_RETRY_AFTER_MS) throw error;
        // Full jitter, so that many instances do not retry at the same time.
        const backoff = random() * Math.min(BACKOFF_CAP_MS, BACKOFF_MS * 2 ** retried);
        await pause(clock, Math.max(retryAfterMs, backoff), signal);
      }
    }
  }

  const requestRaw: RequestRawPage = ({ index, size, signal }, parse) =>
    send(QUERY_PATH, { page: String(index), 'page-size': String(size) }, signal, parse);
  const page: Provider['page'] = (pageRequest) =>
    requestRaw(pageRequest, async (reply) => ({
      ...readPage(withTextBody(reply)),
      serverTime: reply.serverTime,
    }));
  offerRawReplies(page, requestRaw);

  return {
    account: createHash('sha256')
      .update(JSON.stringify([baseUrl, apiKey]))
      .digest('base64url')
      .slice(0, 16),
    page,
    optIn: (msisdn, { signal }) =>
      send(MANAGE_PATH, { msisdn }, signal, (reply) => checkOptedIn(withTextBody(reply), msisdn)),
  };
}

function readOptions(options: VonageOptions) {
  const config = readFields(options, 'vonage', {
    apiKey: text,
    apiSecret: optional(text),
    signature: optional((value, key) =>
      readFields(value, key, { secret: text, method: oneOf(SIGNING_METHODS) }),
    ),
    baseUrl: withDefault('https://rest.nexmo.com', baseUrlField),
    timeout: withDefault('30s', duration({ min: 1, max: MAX_TIMER_MS })),
    retries: withDefault(3, integer({ min: 0, max: 10 })),
    dispatcher: optional(withMethods<Dispatcher>('dispatch')),
    clock: withDefault(systemClock, withMethods<Clock>('now', 'monotonic', 'setTimeout')),
    random: withDefault(Math.random, callback<() => number>()),
  });
  if ((config.apiSecret === undefined) === (config.signature === undefined)) {
    throw new ConfigError(
      'invalid_option',
      'vonage.apiSecret',
      'vonage: expected exactly one of apiSecret and signature',
    );
  }
  return config;
}

function baseUrlField(value: unknown, key: string): string {
  const expected = 'an https: URL without credentials or query (plain http: only for loopback)';
  if (typeof value !== 'string' || !URL.canParse(value)) return refuse(key, value, expected);
  const url = new URL(value);
  const isLoopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  const isAllowed =
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '');
  return isAllowed ? url.href.replace(/\/+$/, '') : refuse(key, value, expected);
}

async function readLimited(body: Dispatcher.ResponseData['body']): Promise<RawReply['body']> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // The throw leaves the loop, which destroys the body.
    if (size > MAX_REPLY_BYTES) {
      throw new ProviderError('provider_reply_too_large', `the reply is over ${MAX_REPLY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function abortError(signal: AbortSignal): ProviderError {
  const reason: unknown = signal.reason;
  return reason instanceof ProviderError
    ? reason
    : new ProviderError('provider_aborted', 'the request was given up', { cause: reason });
}

/** Creates the error of a failed connection, with the code of `error` only: its other members may show the request. */
function unreachableError(error: unknown): ProviderError {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const reason = typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'connection failed';
  return new ProviderError('provider_unreachable', `the provider could not be reached: ${reason}`, {
    cause: new Error(reason),
  });
}

/** Waits `ms`. Rejects if the signal aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(abortError(signal));
    };
    const cancel = startTimer(clock, ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

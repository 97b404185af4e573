/**
 * What a reply of the query and manage endpoints says. Pure. The provider answers errors with HTTP 200 too, so only
 * a well-formed list is a list, and only a reply that says so is an opt-in. Nothing of a reply's content but its
 * status codes gets into an error.
 */

import { ProviderError, type ProviderErrorCode } from '../errors.ts';
import { readMsisdn } from '../msisdn.ts';
import type { ProviderPage, ProviderRow } from './provider.ts';

/** A reply as it came. */
export interface Reply {
  readonly httpStatus: number;
  readonly body: string;
  /** From its `Retry-After`, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** Reads one page. @throws ProviderError for anything that is not a well-formed list. */
export function readPage(reply: Reply): ProviderPage {
  const body = readBody(reply, 'query');
  const rows = body['opt-in-list'];
  if (!Array.isArray(rows)) throw badReply(reply, 'the reply holds no list');
  // A list beside something that speaks of an error is not believed.
  const messages = body['messages'] ?? [];
  if (body['error-text'] || !Array.isArray(messages) || !isSuccess(body['status'])) {
    throw badReply(reply, 'the reply holds a list and an error');
  }
  const count = body['opt-in-count'];
  const total = /^\d+$/.test(wordOf(count) ?? '') ? Number(count) : undefined;
  return { rows: rows as ProviderRow[], total };
}

/** Makes sure that the reply says that this number is opted in. @throws ProviderError where it does not. */
export function checkOptedIn(reply: Reply, msisdn: string): void {
  const body = readBody(reply, 'manage');
  const isThisNumber = readMsisdn(body['msisdn']) === msisdn;
  if (!isThisNumber || !isTrue(body['opt-in']) || isTrue(body['opt-out'])) {
    throw badReply(reply, 'the reply does not say that the number is opted in');
  }
}

/** Whether a status, where there is one, is 0. */
function isSuccess(status: unknown): boolean {
  return status === undefined || status === null || wordOf(status) === '0';
}

/** A text or number as text. */
function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : undefined;
}

function isTrue(flag: unknown): boolean {
  return flag === true || (typeof flag === 'string' && flag.trim().toLowerCase() === 'true');
}

type Endpoint = 'query' | 'manage';

function readBody(reply: Reply, endpoint: Endpoint): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(reply.body);
  } catch {
    throw errorOf(reply, undefined, endpoint) ?? badReply(reply, 'the reply is not JSON');
  }
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = isObject ? (body as Record<string, unknown>) : {};
  const error = errorOf(reply, statusOf(fields), endpoint);
  if (error !== undefined) throw error;
  if (!isObject) throw badReply(reply, 'the reply is not an object');
  return fields;
}

/** The provider's own status: of the reply, or of its first message that has one other than 0. */
function statusOf(body: Record<string, unknown>): string | undefined {
  const messages: unknown[] = Array.isArray(body['messages']) ? body['messages'] : [];
  const statuses = [body, ...messages].flatMap((part) => {
    const status: unknown =
      typeof part === 'object' && part !== null ? (part as Record<string, unknown>)['status'] : undefined;
    const word = wordOf(status) ?? '';
    return /^\d{1,6}$/.test(word) ? [word] : [];
  });
  return statuses.find((status) => Number(status) !== 0);
}

const HTTP_CODES: Readonly<Record<number, ProviderErrorCode>> = {
  401: 'provider_credentials',
  403: 'provider_credentials',
  408: 'provider_unavailable',
  420: 'provider_throttled',
  429: 'provider_throttled',
};
const PROVIDER_CODES: Readonly<Record<string, ProviderErrorCode>> = {
  '1': 'provider_throttled',
  '4': 'provider_credentials',
  '5': 'provider_unavailable',
};

function errorOf(
  { httpStatus, retryAfterMs }: Reply,
  providerStatus: string | undefined,
  endpoint: Endpoint,
): ProviderError | undefined {
  if (httpStatus >= 200 && httpStatus < 300 && providerStatus === undefined) return undefined;
  const isNumberRefused = endpoint === 'manage' && providerStatus === '103';
  const code: ProviderErrorCode =
    (isNumberRefused ? 'provider_number_refused' : PROVIDER_CODES[providerStatus ?? '']) ??
    HTTP_CODES[httpStatus] ??
    (httpStatus >= 500 ? 'provider_unavailable' : 'provider_rejected');
  const said = providerStatus === undefined ? '' : `, status ${providerStatus}`;
  return new ProviderError(code, `the provider refused the ${endpoint}: HTTP ${httpStatus}${said}`, {
    httpStatus,
    ...(providerStatus === undefined ? {} : { providerStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function badReply({ httpStatus }: Reply, reason: string): ProviderError {
  return new ProviderError('provider_bad_reply', `${reason} (HTTP ${httpStatus})`, { httpStatus });
}

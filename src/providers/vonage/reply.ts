/**
 * What a reply of the query and manage endpoints says. Pure. The provider answers errors with HTTP 200 too, so only
 * a well-formed list is a list, and only a reply that says so is an opt-in. Nothing of a reply's content but its
 * status codes gets into an error.
 */

import { readTime } from '../../dates.ts';
import { ProviderError, type ProviderErrorCode } from '../../errors.ts';
import { readMsisdn } from '../../msisdn/msisdn.ts';
import type { OptInReply, ProviderPage, ProviderRow } from '../provider.ts';
import { isProblem, speaksOfError } from './reply-errors.ts';

/** A reply as it came. */
export interface Reply {
  readonly httpStatus: number;
  readonly body: string;
  /** Its `Content-Type`. */
  readonly contentType?: string | undefined;
  /** From its `Retry-After`, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** Reads one page. @throws ProviderError for anything that is not a well-formed list. */
export function readPage(reply: Reply): ProviderPage {
  const body = readBody(reply, 'query');
  const rows = body['opt-in-list'];
  if (!Array.isArray(rows)) throw badReply(reply, 'the reply holds no list');
  const count = body['opt-in-count'];
  const total = /^\d+$/.test(wordOf(count) ?? '') ? Number(count) : undefined;
  return { rows: rows as ProviderRow[], total };
}

/**
 * Makes sure that the reply says that this number is opted in.
 *
 * @returns since when, by the list's own clock, where the reply says.
 * @throws ProviderError where it does not say so.
 */
export function checkOptedIn(reply: Reply, msisdn: string): OptInReply {
  const body = readBody(reply, 'manage');
  const isThisNumber = readMsisdn(body['msisdn']) === msisdn;
  if (!isThisNumber || !isTrue(body['opt-in']) || !isMissingOrFalse(body['opt-out'])) {
    throw badReply(reply, 'the reply does not say that the number is opted in');
  }
  const optInDate = readTime(body['opt-in-date']);
  return optInDate === undefined ? {} : { optInDate };
}

/** A text or number as text. */
function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : undefined;
}

function isTrue(flag: unknown): boolean {
  return flag === true || (typeof flag === 'string' && flag.trim().toLowerCase() === 'true');
}

function isMissingOrFalse(flag: unknown): boolean {
  if (flag === undefined || flag === null || flag === false || flag === '') return true;
  return typeof flag === 'string' && flag.trim().toLowerCase() === 'false';
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
  // A list, or an opt-in, beside anything that speaks of an error is not believed.
  if (isProblem(reply.contentType) || speaksOfError(fields)) {
    throw badReply(reply, 'the reply speaks of an error');
  }
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
  if (httpStatus === 200 && providerStatus === undefined) return undefined;
  const isNumberRefused = endpoint === 'manage' && providerStatus === '103';
  const code: ProviderErrorCode =
    (isNumberRefused ? 'provider_number_refused' : PROVIDER_CODES[providerStatus ?? '']) ??
    HTTP_CODES[httpStatus] ??
    (providerStatus !== undefined && httpStatus < 300 ? 'provider_rejected' : codeOfStatus(httpStatus));
  const said = providerStatus === undefined ? '' : `, status ${providerStatus}`;
  return new ProviderError(code, `the provider refused the ${endpoint}: HTTP ${httpStatus}${said}`, {
    httpStatus,
    ...(providerStatus === undefined ? {} : { providerStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** 206 is a part of a list, 202 only a promise: of all replies only a plain 200 is believed. */
function codeOfStatus(httpStatus: number): ProviderErrorCode {
  if (httpStatus >= 500) return 'provider_unavailable';
  return httpStatus < 300 ? 'provider_bad_reply' : 'provider_rejected';
}

function badReply({ httpStatus }: Reply, reason: string): ProviderError {
  return new ProviderError('provider_bad_reply', `${reason} (HTTP ${httpStatus})`, { httpStatus });
}

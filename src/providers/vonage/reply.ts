/**
 * Parses replies of the query and manage endpoints. Pure. The provider answers errors with HTTP 200 too. So only a
 * well-formed list is a list, and only a reply that says that the number is opted in is an opt-in. Errors contain the
 * status codes of a reply, but nothing else of its content.
 */

import { readTime } from '../../dates.ts';
import { ProviderError, type ProviderErrorCode } from '../../errors.ts';
import { readMsisdn } from '../../msisdn/msisdn.ts';
import type { OptInReply, ProviderPage, ProviderRow } from '../provider.ts';
import { BYTES_PER_STEP, parseInSteps } from './json-steps.ts';
import { LIST_NAME, hasErrorSign, isProblemType } from './reply-errors.ts';

/** A reply of the provider without its body. */
export interface ReplyHead {
  readonly httpStatus: number;
  /** `Content-Type`. */
  readonly contentType?: string | undefined;
  /** From `Retry-After`, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** A reply of the provider. */
export interface Reply extends ReplyHead {
  readonly body: string;
}

/** Parses one page. @throws ProviderError if the reply is not a well-formed list. */
export function readPage(reply: Reply): ProviderPage {
  return pageOf(reply, parseJson(reply.body));
}

/**
 * Parses one long page in short steps. It yields the rows, some or none of them after each step. They may count only
 * once it has returned: until then an error can follow.
 *
 * @param body UTF-8 text.
 * @returns the number of rows that the provider announces.
 * @throws ProviderError if the reply is not a well-formed list.
 */
export function* readLongPage(
  head: ReplyHead,
  body: Uint8Array,
  bytesPerStep: number = BYTES_PER_STEP,
): Generator<readonly unknown[], Pick<ProviderPage, 'total'>, undefined> {
  const { rows, total } = pageOf(head, yield* parseJsonInSteps(body, bytesPerStep));
  // The rows that were not yielded yet: all of them, if the list is not the longest array of the reply.
  if (rows.length > 0) yield rows;
  return { total };
}

/** Returns the page in a parsed reply, `undefined` if it is not JSON. @throws ProviderError if there is none. */
function pageOf(head: ReplyHead, json: unknown): ProviderPage {
  const body = checkBody(head, json, 'query');
  const rows = body[LIST_NAME];
  if (!Array.isArray(rows)) throw badReplyError(head, 'the reply holds no list');
  const count = body['opt-in-count'];
  const total = /^\d+$/.test(textOf(count) ?? '') ? Number(count) : undefined;
  return { rows: rows as ProviderRow[], total };
}

/**
 * Checks that the reply says that this number is opted in.
 *
 * @returns the date of the opt-in by the list's own clock, if the reply has one.
 * @throws ProviderError if it does not say so.
 */
export function checkOptedIn(reply: Reply, msisdn: string): OptInReply {
  const body = checkBody(reply, parseJson(reply.body), 'manage');
  const isThisNumber = readMsisdn(body['msisdn']) === msisdn;
  if (!isThisNumber || !isTrue(body['opt-in']) || !isMissingOrFalse(body['opt-out'])) {
    throw badReplyError(reply, 'the reply does not say that the number is opted in');
  }
  const optInDate = readTime(body['opt-in-date']);
  return optInDate === undefined ? {} : { optInDate };
}

/** Returns a text or number as text without spaces around it; `undefined` for any other value. */
function textOf(value: unknown): string | undefined {
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

/** Parses JSON; `undefined` if the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Parses JSON in steps; `undefined` if the text is not JSON. */
function* parseJsonInSteps(
  text: Uint8Array,
  bytesPerStep: number,
): Generator<readonly unknown[], unknown, undefined> {
  try {
    return yield* parseInSteps(text, LIST_NAME, bytesPerStep);
  } catch {
    return undefined;
  }
}

/**
 * Checks a parsed reply, `undefined` if it is not JSON.
 *
 * @returns its members.
 * @throws ProviderError if it is not an object, or has a sign of an error.
 */
function checkBody(reply: ReplyHead, body: unknown, endpoint: Endpoint): Record<string, unknown> {
  if (body === undefined) {
    throw errorOf(reply, undefined, endpoint) ?? badReplyError(reply, 'the reply is not JSON');
  }
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = isObject ? (body as Record<string, unknown>) : {};
  const error = errorOf(reply, statusOf(fields), endpoint);
  if (error !== undefined) throw error;
  if (!isObject) throw badReplyError(reply, 'the reply is not an object');
  // A list or an opt-in does not count beside a sign of an error.
  if (isProblemType(reply.contentType) || hasErrorSign(fields)) {
    throw badReplyError(reply, 'the reply speaks of an error');
  }
  return fields;
}

/** Returns the first provider status other than 0, of the reply or else of its messages. */
function statusOf(body: Record<string, unknown>): string | undefined {
  const messages: unknown[] = Array.isArray(body['messages']) ? body['messages'] : [];
  const statuses = [body, ...messages].flatMap((part) => {
    const status: unknown =
      typeof part === 'object' && part !== null ? (part as Record<string, unknown>)['status'] : undefined;
    const text = textOf(status) ?? '';
    return /^\d{1,6}$/.test(text) ? [text] : [];
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
  { httpStatus, retryAfterMs }: ReplyHead,
  providerStatus: string | undefined,
  endpoint: Endpoint,
): ProviderError | undefined {
  if (httpStatus === 200 && providerStatus === undefined) return undefined;
  const isNumberRefused = endpoint === 'manage' && providerStatus === '103';
  const code: ProviderErrorCode =
    (isNumberRefused ? 'provider_number_refused' : PROVIDER_CODES[providerStatus ?? '']) ??
    HTTP_CODES[httpStatus] ??
    (providerStatus !== undefined && httpStatus < 300 ? 'provider_rejected' : codeOfHttpStatus(httpStatus));
  const suffix = providerStatus === undefined ? '' : `, status ${providerStatus}`;
  return new ProviderError(code, `the provider refused the ${endpoint}: HTTP ${httpStatus}${suffix}`, {
    httpStatus,
    ...(providerStatus === undefined ? {} : { providerStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Returns the code for an HTTP status other than 200. Even 206 (a part of a list) and 202 (a promise) are errors. */
function codeOfHttpStatus(httpStatus: number): ProviderErrorCode {
  if (httpStatus >= 500) return 'provider_unavailable';
  return httpStatus < 300 ? 'provider_bad_reply' : 'provider_rejected';
}

function badReplyError({ httpStatus }: ReplyHead, reason: string): ProviderError {
  return new ProviderError('provider_bad_reply', `${reason} (HTTP ${httpStatus})`, { httpStatus });
}

/**
 * Writes the problem that a gate in front of a handler answers a refused request with. No number is written in clear.
 */

import type { BlockReason, Decision } from '../decision.ts';
import { maskMsisdn } from '../msisdn/msisdn.ts';

/** What a problem body's `code` can be. */
export type ProblemCode =
  | BlockReason
  | 'missing_recipient'
  | 'ambiguous_recipient'
  | 'too_many_recipients'
  | 'body_too_large'
  | 'recipient_lookup_failed';

/** The body of a refusal: `application/problem+json`, RFC 9457. */
export interface Problem {
  readonly type: `urn:sms-send-guard:${ProblemCode}`;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** The blocked recipients: place in the request, masked number, reason. */
  readonly recipients: readonly { readonly index: number; readonly to: string; readonly code: ProblemCode }[];
}

const PROBLEMS: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = {
  opted_out: { status: 403, title: 'The recipient has opted out' },
  invalid_number: { status: 422, title: 'The recipient is not a readable phone number' },
  missing_recipient: { status: 400, title: 'The request names no recipient' },
  ambiguous_recipient: {
    status: 400,
    title: 'The request can be read in ways that name different recipients',
  },
  too_many_recipients: { status: 413, title: 'The request names too many recipients' },
  body_too_large: { status: 413, title: 'The body of the request is too large' },
  recipient_lookup_failed: { status: 500, title: 'The recipients of the request could not be looked up' },
  not_ready: { status: 503, title: 'The opt-out list has not been read yet' },
  stale: { status: 503, title: 'The opt-out list is out of date' },
  expired: { status: 503, title: 'The opt-out list is too old to be trusted' },
  closed: { status: 503, title: 'The guard is closed' },
};

/** Which status is answered where recipients are blocked for different reasons: the first that occurs. */
const PRECEDENCE: readonly number[] = [503, 422, 403];

/** How long a client is asked to wait by a 503 that may pass, s. */
const RETRY_AFTER_S = 30;

/** The problem of a request some of whose recipients are blocked. */
export function blockedProblem(decisions: readonly Decision[]): Problem {
  const recipients = decisions.flatMap((decision, index) =>
    decision.allowed ? [] : [{ index, to: maskMsisdn(decision.to), code: decision.reason }],
  );
  const rank = (code: ProblemCode) => PRECEDENCE.indexOf(PROBLEMS[code].status);
  const code = recipients
    .map((recipient) => recipient.code)
    .reduce((first, other) => (rank(other) < rank(first) ? other : first));
  const detail = `${recipients.length} of ${decisions.length} recipients may not be sent to; nothing was sent`;
  return problem(code, detail, recipients);
}

/** Writes a problem. */
export function problem(code: ProblemCode, detail: string, recipients: Problem['recipients'] = []): Problem {
  return { type: `urn:sms-send-guard:${code}`, ...PROBLEMS[code], code, detail, recipients };
}

/** The headers that a problem is answered with. */
export function problemHeaders({ status, code }: Problem): Readonly<Record<string, string>> {
  const canPass = status === 503 && code !== 'closed';
  return {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    ...(canPass ? { 'retry-after': String(RETRY_AFTER_S) } : {}),
  };
}

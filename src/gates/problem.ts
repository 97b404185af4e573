/**
 * The problem bodies (RFC 9457) with which a gate in front of a handler refuses a request. Numbers in them are masked.
 */

import type { BlockReason, Decision } from '../decision.ts';
import { maskMsisdn } from '../msisdn/msisdn.ts';

/** The values of a problem body's `code`. */
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
  /** The blocked recipients: index in the request (from 0), masked number, reason. */
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

/** If recipients are blocked for different reasons, the answer has the first of these statuses that occurs. */
const PRECEDENCE: readonly number[] = [503, 422, 403];

/** The `Retry-After` of a 503 that a later request may not get, in seconds. */
const RETRY_AFTER_S = 30;

/** Returns the problem of a request that has blocked recipients. At least one decision must be a refusal. */
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

/** Creates a problem with the type, title and status of its code. */
export function problem(code: ProblemCode, detail: string, recipients: Problem['recipients'] = []): Problem {
  return { type: `urn:sms-send-guard:${code}`, ...PROBLEMS[code], code, detail, recipients };
}

/** Returns the HTTP headers of an answer with this problem. */
export function problemHeaders({ status, code }: Problem): Readonly<Record<string, string>> {
  const canRetry = status === 503 && code !== 'closed';
  return {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    ...(canRetry ? { 'retry-after': String(RETRY_AFTER_S) } : {}),
  };
}

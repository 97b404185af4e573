/**
 * What the gates in front of a handler have in common: they judge the recipients of a request, and write the problem
 * that a refusal is answered with. No host is known here, and no number is written in clear.
 */

import type { BlockReason, Checker, Decision } from '../decision.ts';
import { maskMsisdn } from '../msisdn.ts';

/** What a problem body's `code` can be. */
export type ProblemCode = BlockReason | 'missing_recipient' | 'too_many_recipients' | 'body_too_large';

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
  too_many_recipients: { status: 413, title: 'The request names too many recipients' },
  body_too_large: { status: 413, title: 'The body of the request is too large' },
  not_ready: { status: 503, title: 'The opt-out list has not been read yet' },
  stale: { status: 503, title: 'The opt-out list is out of date' },
  expired: { status: 503, title: 'The opt-out list is too old to be trusted' },
  closed: { status: 503, title: 'The guard is closed' },
};

/** Which status is answered where recipients are blocked for different reasons: the first that occurs. */
const PRECEDENCE: readonly number[] = [503, 422, 403];

/** What a 503 that can pass asks a client to wait, s. */
const RETRY_AFTER_S = 30;

/** How a gate judges. */
export interface Bench {
  readonly checker: Checker;
  readonly gate: string;
  readonly maxRecipients: number;
  readonly isObserved: boolean;
}

/** The recipients of a request and what was decided about them; or the problem, where none was decided. */
export type Verdict =
  | { readonly problem: Problem }
  | {
      readonly problem?: undefined;
      readonly recipients: readonly unknown[];
      readonly decisions: readonly Decision[];
    };

/**
 * Judges who a request names and reports it.
 *
 * @param given one recipient, several, or nothing.
 * @param sender asked for once the recipients are known to be few enough.
 * @param missing says why there may be no recipient.
 */
export function judge(
  { checker, gate, maxRecipients, isObserved }: Bench,
  given: unknown,
  sender: () => unknown,
  missing: () => string,
): Verdict {
  const recipients: readonly unknown[] = Array.isArray(given) ? given : isNothing(given) ? [] : [given];
  if (recipients.length === 0) return { problem: problem('missing_recipient', missing()) };
  if (recipients.length > maxRecipients && !isObserved) {
    const detail = `${recipients.length} recipients, at most ${maxRecipients} are allowed`;
    return { problem: problem('too_many_recipients', detail) };
  }
  const from = sender();
  const asked = typeof from === 'string' ? { from } : undefined;
  const decisions = recipients.map((recipient) => checker.decide(recipient, asked));
  for (const decision of decisions) checker.report(decision, { gate, isObserved });
  return { recipients, decisions };
}

/** The recipients that may be sent to. */
export function permitted(recipients: readonly unknown[], decisions: readonly Decision[]): string[] {
  return recipients.filter((_, index) => decisions[index]?.allowed === true) as string[];
}

/** A member of a body, whatever the body is. */
export function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}

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

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

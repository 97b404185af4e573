/**
 * Code shared by the gates in front of a handler: finds the recipients of a request, checks each of them, and keeps the
 * decisions for the handler. It depends on no web framework.
 */

import type { Checker, Decision } from '../decision.ts';
import { problem, type Problem } from './problem.ts';

/** The decisions about the recipients of a request, in the order of the recipients. */
export type GateDecisions = readonly Decision[] & {
  /**
   * The numbers that may be sent to, as digits, in the order of the recipients. Blocked recipients are left out,
   * whatever `onBlocked` is. Send to this list.
   */
  readonly allowed: readonly string[];
};

/** The settings with which a gate checks recipients. */
export interface GateContext {
  readonly checker: Checker;
  /** The name of the gate, for events. */
  readonly gate: string;
  readonly maxRecipients: number;
  /** Whether the gate only observes: it reports blocked recipients and refuses nothing. */
  readonly isObserved: boolean;
}

/** Returns the recipients in the value that the option `to` returned: one, several, or none. */
export function recipientsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return [...(value as readonly unknown[])];
  return value === undefined || value === null || value === '' ? [] : [value];
}

/**
 * Returns the problem with the number of recipients, if there is one: none, or too many.
 *
 * @param missing explains why there may be no recipient. It is called only if there is none.
 */
export function countProblem(
  { maxRecipients, isObserved }: GateContext,
  { length }: readonly unknown[],
  missing: () => string,
): Problem | undefined {
  if (length === 0) return problem('missing_recipient', missing());
  if (length <= maxRecipients || isObserved) return undefined;
  return problem('too_many_recipients', `${length} recipients, at most ${maxRecipients} are allowed`);
}

/** Decides about each recipient and reports nothing. A sender that is no string is left out of the check. */
function decideEach(checker: Checker, recipients: readonly unknown[], from: unknown): readonly Decision[] {
  const options = typeof from === 'string' ? { from } : undefined;
  return recipients.map((recipient) => checker.decide(recipient, options));
}

/** Checks recipients and reports each decision to the guard's listeners. */
export function checkRecipients(
  { checker, gate, isObserved }: GateContext,
  recipients: readonly unknown[],
  from: unknown,
): GateDecisions {
  const decisions = decideEach(checker, recipients, from);
  for (const decision of decisions) checker.report(decision, { gate, isObserved });
  return gateDecisions(decisions);
}

/**
 * Adds the list `allowed` to decisions. It is not enumerable, so that decisions are still serialised as an array.
 *
 * @param latest the decisions that `allowed` is made of, if they are not `decisions`.
 */
export function gateDecisions(
  decisions: readonly Decision[],
  latest: readonly Decision[] = decisions,
): GateDecisions {
  const allowed = latest.flatMap((decision) => (decision.allowed ? [decision.to] : []));
  return Object.defineProperty([...decisions], 'allowed', {
    value: allowed,
  }) as readonly Decision[] as GateDecisions;
}

/** Returns the recipients that may be sent to, as the request wrote them. */
export function allowedRecipients(recipients: readonly unknown[], decisions: readonly Decision[]): string[] {
  return recipients.filter((_, index) => decisions[index]?.allowed === true) as string[];
}

/**
 * Returns the decisions for a handler after the blocked recipients were taken out of its request. `allowed` comes from
 * a new check of the recipients that the request names now.
 *
 * @param decisions those of the request as it came.
 * @param remaining the recipients that the request names now.
 * @throws Error if one of them may not be sent to, or if none is left.
 */
export function decisionsAfterStrip(
  { checker }: GateContext,
  decisions: readonly Decision[],
  remaining: readonly unknown[],
  from: unknown,
): GateDecisions {
  const latest = decideEach(checker, remaining, from);
  if (latest.length === 0) throw new Error('to names nobody after setTo');
  if (!latest.every(({ allowed }) => allowed))
    throw new Error('to still names somebody who is blocked after setTo');
  return gateDecisions(decisions, latest);
}

/** Returns an own member of a request's body; `undefined` if the body is no object or has no such member. */
export function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}

/**
 * What the gates in front of a handler have in common: they find the recipients of a request, ask about each of them, and
 * keep the answers for the handler. No host is known here.
 */

import type { Checker, Decision } from '../decision.ts';
import { problem, type Problem } from './problem.ts';

/** The decisions about the recipients of a request, in their order. */
export type GateDecisions = readonly Decision[] & {
  /**
   * The numbers that may be sent to, as digits, in the order of the recipients; blocked ones are left out, whatever
   * `onBlocked` is. This is the list to send to.
   */
  readonly allowed: readonly string[];
};

/** How a gate judges. */
export interface GateContext {
  readonly checker: Checker;
  readonly gate: string;
  readonly maxRecipients: number;
  readonly isObserved: boolean;
}

/** The recipients in what `to` returned: one, several, or nothing. */
export function recipientsIn(given: unknown): readonly unknown[] {
  if (Array.isArray(given)) return [...(given as readonly unknown[])];
  return given === undefined || given === null || given === '' ? [] : [given];
}

/**
 * Why recipients cannot be asked about.
 *
 * @param missing says why there may be none.
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

/** Asks about recipients, and tells nobody. */
export function ask(checker: Checker, recipients: readonly unknown[], from: unknown): readonly Decision[] {
  const asked = typeof from === 'string' ? { from } : undefined;
  return recipients.map((recipient) => checker.decide(recipient, asked));
}

/** Asks about recipients and reports the answers. */
export function judge(bench: GateContext, recipients: readonly unknown[], from: unknown): GateDecisions {
  const { checker, gate, isObserved } = bench;
  const decisions = ask(checker, recipients, from);
  for (const decision of decisions) checker.report(decision, { gate, isObserved });
  return gateDecisions(decisions);
}

/** Decisions for a handler. `allowed` is not enumerable, so that they are written as an array. */
export function gateDecisions(
  decisions: readonly Decision[],
  asked: readonly Decision[] = decisions,
): GateDecisions {
  const allowed = asked.flatMap((decision) => (decision.allowed ? [decision.to] : []));
  return Object.defineProperty([...decisions], 'allowed', {
    value: allowed,
  }) as readonly Decision[] as GateDecisions;
}

/** The recipients that may be sent to, as they were written. */
export function permitted(recipients: readonly unknown[], decisions: readonly Decision[]): string[] {
  return recipients.filter((_, index) => decisions[index]?.allowed === true) as string[];
}

/**
 * The decisions for a handler once blocked recipients have been taken out of its request.
 *
 * @param left the recipients that the request names by now.
 * @throws Error where one of them may not be sent to, or none is left.
 */
export function strippedDecisions(
  { checker }: GateContext,
  before: readonly Decision[],
  left: readonly unknown[],
  from: unknown,
): GateDecisions {
  const asked = ask(checker, left, from);
  if (asked.length === 0) throw new Error('to names nobody after setTo');
  if (!asked.every(({ allowed }) => allowed))
    throw new Error('to still names somebody who is blocked after setTo');
  return gateDecisions(before, asked);
}

/** A member of a body, whatever the body is. */
export function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}

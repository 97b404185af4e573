/**
 * Decides whether a message may be sent: from whether the number is listed, not listed or unreadable, and from the
 * state of its list. No other module does. Pure: it knows no list, no clock and no store.
 */

import type { EvidenceSource } from './ledger/evidence.ts';
import type { Listing } from './ledger/ledger.ts';
import { plainConstructor, type Writable } from './plain-constructor.ts';

/**
 * How far a decision can be trusted.
 *
 * - `starting`: no complete list is known yet.
 * - `restored`: the list comes from the store; no sweep has completed in this process.
 * - `fresh`: the list's age is at most `staleAfter`, or no provider keeps the list.
 * - `stale`: the list's age is more than `staleAfter`, and at most `maxAge`.
 * - `expired`: the list's age is more than `maxAge`.
 * - `closed`: the guard was closed.
 */
export type State = 'starting' | 'restored' | 'fresh' | 'stale' | 'expired' | 'closed';

/**
 * Whether a message may be sent to a number, and why. `to` is the number as digits; `null` if it cannot be read. If it
 * can be read as several numbers, `to` is the one that is listed, else the first one as it was written. `list` is the
 * list of the opt-out or, if sending is allowed, the list of the sender; else `null`. `ageMs` is the age of the list;
 * `null` if no provider keeps it, or if no complete list is known yet.
 *
 * Reasons to allow: `not_listed`; `stale` (the list is stale, and the policy allows that); `policy` (the list is not
 * ready or expired, and the policy allows that); `confirmation` (the one confirmation of an opt-out). Reasons to block:
 * `opted_out`; `not_ready`, `stale` and `expired` (the number is not listed, and the policy blocks in this state);
 * `closed`; `invalid_number`.
 */
export type Decision =
  | {
      readonly allowed: true;
      readonly reason: 'not_listed' | 'stale' | 'policy' | 'confirmation';
      readonly to: string;
      readonly list: string | null;
      readonly state: State;
      readonly ageMs: number | null;
    }
  | {
      readonly allowed: false;
      readonly reason: 'opted_out';
      readonly to: string;
      /** The digits that are listed, if they differ from `to` and reach the same subscriber. */
      readonly listedAs?: string;
      readonly list: string;
      /** The source of the opt-out. */
      readonly source: EvidenceSource;
      /** When the person opted out, ms UTC; `null` if only the provider's list holds the number. */
      readonly since: number | null;
      readonly state: State;
      readonly ageMs: number | null;
    }
  | {
      readonly allowed: false;
      readonly reason: 'not_ready' | 'stale' | 'expired' | 'closed' | 'invalid_number';
      readonly to: string | null;
      readonly list: null;
      readonly state: State;
      readonly ageMs: number | null;
    };

type AllowedDecision = Extract<Decision, { allowed: true }>;
type OptedOutDecision = Extract<Decision, { reason: 'opted_out' }>;

/** Why a send is refused. */
export type BlockReason = Extract<Decision, { allowed: false }>['reason'];

/** Whether a number that is not listed is blocked or allowed, if the list is not ready, stale or expired. */
export interface Policy {
  readonly whenNotReady: 'block' | 'allow';
  readonly whenStale: 'block' | 'allow';
  readonly whenExpired: 'block' | 'allow';
}

/** How fresh a list is. `unknown`: no complete list was ever read. */
export type Freshness = 'fresh' | 'stale' | 'expired' | 'unknown';

/** The state of a list, and its age (ms; `null` if it has none). */
export interface Standing {
  readonly state: State;
  readonly freshness: Freshness;
  readonly ageMs: number | null;
}

/** The ages (ms, included) up to which a list counts as fresh, and as stale. */
export interface AgeLimits {
  readonly staleAfterMs: number;
  readonly maxAgeMs: number;
}

/** Returns how fresh a list of that age is. An age of `NaN` is expired. */
export function freshnessOf(
  ageMs: number,
  { staleAfterMs, maxAgeMs }: AgeLimits,
): Exclude<Freshness, 'unknown'> {
  // These comparisons are false for NaN, which must be expired.
  if (ageMs <= staleAfterMs) return 'fresh';
  return ageMs <= maxAgeMs ? 'stale' : 'expired';
}

/** The standing of a list without a complete sweep. */
export const STARTING: Standing = Object.freeze({ state: 'starting', freshness: 'unknown', ageMs: null });

/** The standing of a list that no provider keeps and whose store is up to date. */
export const SELF_KEPT: Standing = Object.freeze({ state: 'fresh', freshness: 'fresh', ageMs: null });

/**
 * Returns the standing of a list of a known age.
 *
 * @param isRestored whether it comes from the store and no sweep has completed in this process. Its freshness depends
 * on its age all the same.
 */
export function standingAt(ageMs: number, isRestored: boolean, limits: AgeLimits): Standing {
  const freshness = freshnessOf(ageMs, limits);
  return { state: isRestored ? 'restored' : freshness, freshness, ageMs };
}

const FRESHNESS_RANK: Readonly<Record<Freshness, number>> = { fresh: 0, stale: 1, expired: 2, unknown: 3 };

/** Returns the less fresh of two. */
export function lessFresh(a: Freshness, b: Freshness): Freshness {
  return FRESHNESS_RANK[a] > FRESHNESS_RANK[b] ? a : b;
}

/** Returns the worse of two standings: the less fresh one, then a restored one, then the older one. */
export function worse(a: Standing, b: Standing): Standing {
  const rank = FRESHNESS_RANK[a.freshness] - FRESHNESS_RANK[b.freshness];
  const isWorse =
    rank === 0 ? a.state === 'restored' || (b.state !== 'restored' && olderThan(a, b)) : rank > 0;
  return isWorse ? a : b;
}

function olderThan(a: Standing, b: Standing): boolean {
  return (a.ageMs ?? -1) >= (b.ageMs ?? -1);
}

/** Returns whether a message may be sent to a number that is not listed. */
export function permitsUnlisted(freshness: Freshness, isClosed: boolean, policy: Policy): boolean {
  if (isClosed) return false;
  switch (freshness) {
    case 'fresh':
      return true;
    case 'stale':
      return policy.whenStale === 'allow';
    case 'expired':
      return policy.whenExpired === 'allow';
    case 'unknown':
      return policy.whenNotReady === 'allow';
  }
}

/** The input of {@link decide}. */
export interface DecisionInput {
  /** The number as digits; `null` if it could not be read. */
  readonly to: string | null;
  /** Why the number is listed; `undefined` if it is not. */
  readonly listing: Listing | undefined;
  /** The list that was asked, for the decision; `null` if several were. */
  readonly list: string | null;
  readonly standing: Standing;
  readonly isClosed: boolean;
  readonly policy: Policy;
}

/**
 * Decides. An unreadable number is blocked, and a listed one is blocked in every state. For every other number the
 * state and the policy decide.
 */
export function decide({ to, listing, list, standing, isClosed, policy }: DecisionInput): Decision {
  return decideOn(to, listing, list, standing, isClosed, policy);
}

const OptedOut = plainConstructor(function (
  this: Writable<OptedOutDecision>,
  to: string,
  list: string,
  source: EvidenceSource,
  since: number | null,
  state: State,
  ageMs: number | null,
) {
  this.allowed = false;
  this.reason = 'opted_out';
  this.to = to;
  this.list = list;
  this.source = source;
  this.since = since;
  this.state = state;
  this.ageMs = ageMs;
});

const Allowed = plainConstructor(function (
  this: Writable<AllowedDecision>,
  reason: AllowedDecision['reason'],
  to: string,
  list: string | null,
  state: State,
  ageMs: number | null,
) {
  this.allowed = true;
  this.reason = reason;
  this.to = to;
  this.list = list;
  this.state = state;
  this.ageMs = ageMs;
});

/** Decides as {@link decide} does, without an input object: this is the hot path. */
export function decideOn(
  to: DecisionInput['to'],
  listing: DecisionInput['listing'],
  list: DecisionInput['list'],
  standing: Standing,
  isClosed: boolean,
  policy: Policy,
): Decision {
  const { freshness, ageMs } = standing;
  const state = isClosed ? 'closed' : standing.state;
  if (to === null) return { allowed: false, reason: 'invalid_number', to, list: null, state, ageMs };
  if (listing !== undefined) {
    const { source, since } = listing;
    return new OptedOut(to, listing.list, source, since, state, ageMs);
  }
  if (!permitsUnlisted(freshness, isClosed, policy)) {
    const reason = isClosed ? 'closed' : BLOCKED_AS[freshness];
    return { allowed: false, reason, to, list: null, state, ageMs };
  }
  return new Allowed(ALLOWED_AS[freshness], to, list, state, ageMs);
}

const ALLOWED_AS = { fresh: 'not_listed', stale: 'stale', expired: 'policy', unknown: 'policy' } as const;
/** `fresh` permits what is not listed, so it blocks only once the guard is closed. */
const BLOCKED_AS = { fresh: 'closed', stale: 'stale', expired: 'expired', unknown: 'not_ready' } as const;

/** The options of a check. */
export interface CheckOptions {
  /**
   * Your number, short code or sender id that the message will be sent from. If it is left out or unknown, every list
   * is asked.
   */
  readonly from?: string | undefined;
  /**
   * The purpose of the message. One confirmation is allowed within five minutes after a person's own opt-out; the check
   * with this purpose consumes the permission.
   */
  readonly purpose?: 'opt_out_confirmation' | undefined;
}

/** The checks of a guard, for a gate. */
export interface Checker {
  /** Decides, and reports nothing. Never throws. */
  decide(to: unknown, options?: CheckOptions): Decision;
  /** Reports a gate's decision to the guard's listeners and counters. */
  report(decision: Decision, options: { readonly gate: string; readonly isObserved: boolean }): void;
  /** Called for each request through a gate that only observes. The guard warns regularly that it does. */
  remindObserving(gate: string): void;
}

/** The checks of a guard, for a gate for many recipients. */
export interface BatchChecker extends Checker {
  /**
   * Decides for many recipients at once, which is faster than one by one. For each recipient that `decide` would allow,
   * `permitted` is set to 1 at its index, else to 0. For those with 0, `decisions` is set to the decision if it is
   * known already, else to `undefined`; for those with 1, to `undefined`. Never throws.
   */
  permitsEach(
    recipients: readonly unknown[],
    permitted: Uint8Array,
    decisions: (Decision | undefined)[],
    options?: CheckOptions,
  ): void;
  /** Counts the recipients that `permitsEach` permitted and that a gate has allowed. */
  reportPermitted(count: number): void;
}

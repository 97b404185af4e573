/**
 * The one place where listed / not listed / unreadable, and how far the list can be trusted, become yes or no.
 * Pure: it knows no list, no clock and no store.
 */

import type { EvidenceSource } from './ledger/evidence.ts';
import type { Listing } from './ledger/ledger.ts';
import { plainConstructor, type Writable } from './plain-constructor.ts';

/** How far an answer can be trusted. */
export type State = 'starting' | 'restored' | 'fresh' | 'stale' | 'expired' | 'closed';

/**
 * Whether a number may be sent to, and why. `to` is the number as digits: of several readings the one that is listed, else
 * the first as it was written. `ageMs` is the age of the list, `null` where no provider's list is read.
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
      /** The digits that are listed, where they are another writing of the same subscriber than `to`. */
      readonly listedAs?: string;
      readonly list: string;
      readonly source: EvidenceSource;
      /** When the person acted, ms UTC; `null` where only the provider's list says so. */
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

/** What to answer about numbers that are not listed while the list cannot be fully trusted. */
export interface Policy {
  readonly whenNotReady: 'block' | 'allow';
  readonly whenStale: 'block' | 'allow';
  readonly whenExpired: 'block' | 'allow';
}

/** How much "not listed" is worth. Unknown: no complete list was ever read. */
export type Freshness = 'fresh' | 'stale' | 'expired' | 'unknown';

/** Where a list stands. */
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

/** How fresh a list of that age is. */
export function freshnessOf(
  ageMs: number,
  { staleAfterMs, maxAgeMs }: AgeLimits,
): Exclude<Freshness, 'unknown'> {
  // Asked this way round, so that an age that is no number is expired.
  if (ageMs <= staleAfterMs) return 'fresh';
  return ageMs <= maxAgeMs ? 'stale' : 'expired';
}

/** A list no complete sweep of which is known. */
export const STARTING: Standing = Object.freeze({ state: 'starting', freshness: 'unknown', ageMs: null });

/** A list that no provider keeps and whose store is up to date: what we know first-hand is all there is. */
export const SELF_KEPT: Standing = Object.freeze({ state: 'fresh', freshness: 'fresh', ageMs: null });

/**
 * Where a list of a known age stands. `isRestored`: it comes from the store, no sweep completed in this process;
 * its answers go by its age all the same.
 */
export function standingAt(ageMs: number, isRestored: boolean, limits: AgeLimits): Standing {
  const freshness = freshnessOf(ageMs, limits);
  return { state: isRestored ? 'restored' : freshness, freshness, ageMs };
}

const FRESHNESS_RANK: Readonly<Record<Freshness, number>> = { fresh: 0, stale: 1, expired: 2, unknown: 3 };

/** The worse of two. */
export function lessFresh(a: Freshness, b: Freshness): Freshness {
  return FRESHNESS_RANK[a] > FRESHNESS_RANK[b] ? a : b;
}

/** The worse of two standings; of two equally fresh ones the restored. */
export function worse(a: Standing, b: Standing): Standing {
  const rank = FRESHNESS_RANK[a.freshness] - FRESHNESS_RANK[b.freshness];
  const isWorse =
    rank === 0 ? a.state === 'restored' || (b.state !== 'restored' && olderThan(a, b)) : rank > 0;
  return isWorse ? a : b;
}

function olderThan(a: Standing, b: Standing): boolean {
  return (a.ageMs ?? -1) >= (b.ageMs ?? -1);
}

/** Whether a number that is not listed may be sent to. */
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

/** What is asked of {@link decide}. */
export interface Question {
  /** The number as digits; `null` where it could not be read. */
  readonly to: string | null;
  /** Why it is listed; `undefined` where it is not. */
  readonly listing: Listing | undefined;
  /** The list asked, for the answer; `null` where several were. */
  readonly list: string | null;
  readonly standing: Standing;
  readonly isClosed: boolean;
  readonly policy: Policy;
}

/** The decision table: unreadable blocks, listed blocks in every state, the state and the policy decide the rest. */
export function decide({ to, listing, list, standing, isClosed, policy }: Question): Decision {
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

/** As {@link decide}, without an object to ask with: the hot path. */
export function decideOn(
  to: Question['to'],
  listing: Question['listing'],
  list: Question['list'],
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
const BLOCKED_AS = { fresh: 'closed', stale: 'stale', expired: 'expired', unknown: 'not_ready' } as const;

/** The options of a check. */
export interface CheckOptions {
  /** Our number, short code or sender id that the message will be sent from. Left out or unknown: every list is asked. */
  readonly from?: string | undefined;
  /**
   * What the message is for. A confirmation may go to somebody whose own opt-out came in within the last five minutes:
   * one message, which the check that asks for it uses up.
   */
  readonly purpose?: 'opt_out_confirmation' | undefined;
}

/** What a gate knows of the guard. */
export interface Checker {
  /** Decides, and tells nobody. Never throws. */
  decide(to: unknown, options?: CheckOptions): Decision;
  /** Tells the guard's listeners and counters what a gate did with a decision. */
  report(decision: Decision, options: { readonly gate: string; readonly isObserved: boolean }): void;
  /** Told whenever a gate that only observes is passed, so that nobody forgets that it does. */
  remindObserving(gate: string): void;
}

/** What the gate for many recipients knows of the guard. */
export interface BatchChecker extends Checker {
  /**
   * Answers for many at once, which is faster than one by one: `permitted` gets 1 at the places of those that `decide`
   * would allow, and 0 at others; `decisions` gets what `decide` would say of others where that is known already, and
   * `undefined` at every other place. Never throws.
   */
  permitsEach(
    recipients: readonly unknown[],
    permitted: Uint8Array,
    decisions: (Decision | undefined)[],
    options?: CheckOptions,
  ): void;
  /** Counts what a gate let pass that `permitsEach` permitted. */
  reportPermitted(count: number): void;
}

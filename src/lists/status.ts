/** What `status()` shows: how each list, the store and the checks are doing. Plain data, no number, no secret. */

import type { ChangeCounters } from '../changes/change-counters.ts';
import type { CheckCounters } from './checker.ts';
import type { ClockSkew, ClockStatus } from './clock-skew.ts';
import { decideOn, type Policy, type State } from '../decision.ts';
import type { ErrorCode } from '../errors.ts';
import type { Journal } from '../changes/journal.ts';
import type { Lists, OptOutList } from './opt-out-lists.ts';
import type { Store } from '../stores/store.ts';

/** How one list is doing. Times in ms UTC. */
export interface ListStatus {
  readonly state: State;
  /** Age of the list in ms; `null` where no provider's list is read, or none was read yet. */
  readonly ageMs: number | null;
  /** Numbers in the provider's part. */
  readonly size: number;
  /** Numbers with first-hand evidence. */
  readonly firstHand: number;
  /** Start of the last complete sweep, one before a restart included. */
  readonly lastSweep: number | null;
  /** The last sweep that ended in this process. */
  readonly lastAttempt: {
    readonly startedAt: number;
    readonly durationMs: number;
    readonly status: 'complete' | 'failed';
  } | null;
  readonly consecutiveFailures: number;
  /** Whether another process reads the provider's list, and this one takes over what it finds. */
  readonly isFollowing: boolean;
  readonly lastErrorCode: ErrorCode | null;
  /** Since when removals are held back because the list would shrink by half. */
  readonly heldSince: number | null;
}

/** What `status()` returns. */
export interface GuardStatus {
  /** Whether the guard does its work: no `reasons`. Answer a readiness probe with 200 then, else with 503. */
  readonly ready: boolean;
  /**
   * Why not: what makes checks of numbers that are not listed block (`not_ready`, `stale`, `expired`, `closed`, as in
   * `Decision.reason` under the policy), and gates that do not see sends. A provider or store that is down is no reason
   * while the answers are still good: see `lists` and `store`.
   */
  readonly reasons: readonly string[];
  readonly state: State;
  readonly ageMs: number | null;
  readonly lists: Readonly<Record<string, ListStatus>>;
  readonly store: { readonly kind: string; readonly isOpen: boolean; readonly lastErrorCode: string | null };
  /** How far the provider's clock is from ours; `null` while that is not known. */
  readonly clock: ClockStatus | null;
  readonly counters: CheckCounters & {
    readonly optOuts: number;
    readonly optIns: number;
    readonly webhooksRefused: number;
  };
}

/** What other modules know to be in the way of the guard's work. */
export interface Obstacles {
  /** @returns a function that takes the code back, unless it was added by others too. */
  add(code: string): () => void;
  /** The codes, each once. */
  codes(): readonly string[];
}

/** Creates obstacles, of which there are none yet. */
export function createObstacles(): Obstacles {
  const known = new Map<object, string>();
  return {
    add(code) {
      const own = {};
      known.set(own, code);
      return () => void known.delete(own);
    },
    codes: () => [...new Set(known.values())],
  };
}

export function statusOf(parts: {
  readonly lists: Lists;
  readonly store: Store;
  readonly journal: Journal;
  readonly clockSkew: ClockSkew;
  readonly isClosed: boolean;
  readonly policy: Policy;
  readonly obstacles: Obstacles;
  readonly checks: CheckCounters;
  readonly changes: ChangeCounters;
}): GuardStatus {
  const { lists, store, journal, clockSkew, isClosed, policy, obstacles, checks, changes } = parts;
  const standing = lists.standing(lists.all());
  const { state, ageMs } = standing;
  // Any number will do: it is decided as one that no list has.
  const decision = decideOn('', undefined, null, standing, isClosed, policy);
  const reasons = [...(decision.allowed ? [] : [decision.reason]), ...obstacles.codes()];
  return {
    ready: reasons.length === 0,
    reasons,
    state: isClosed ? 'closed' : state,
    ageMs,
    lists: Object.fromEntries(
      lists.all().map((list) => [list.config.name, listStatus(list, lists, isClosed)]),
    ),
    store: { kind: store.kind, isOpen: journal.isOpen, lastErrorCode: journal.lastErrorCode ?? null },
    clock: clockSkew.status,
    counters: { ...checks, blocked: { ...checks.blocked }, ...changes },
  };
}

function listStatus(list: OptOutList, lists: Lists, isClosed: boolean): ListStatus {
  const { ledger, poller } = list;
  const { state, ageMs } = lists.standing([list]);
  const last = poller?.last;
  const attempt = last === undefined || last.status === 'closed' ? undefined : last;
  return {
    state: isClosed ? 'closed' : state,
    ageMs,
    size: ledger.listedByProvider,
    firstHand: ledger.firstHand,
    lastSweep: ledger.lastStart,
    lastAttempt: attempt
      ? { startedAt: attempt.startedAt, durationMs: attempt.durationMs, status: attempt.status }
      : null,
    consecutiveFailures: poller?.consecutiveFailures ?? 0,
    isFollowing: poller?.isFollowing ?? false,
    lastErrorCode: attempt?.status === 'failed' ? attempt.error.code : null,
    // What is held was swept, so that there is a start.
    heldSince: ledger.heldMs === null ? null : Number(ledger.lastStart) - ledger.heldMs,
  };
}

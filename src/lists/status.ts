/** The status of a guard: its lists, its store and its checks. Plain data without phone numbers and secrets. */

import type { ChangeCounters } from '../changes/change-counters.ts';
import type { CheckCounters } from './check-reports.ts';
import type { ClockSkew, ClockStatus } from './clock-skew.ts';
import { decideOn, type Policy, type State } from '../decision.ts';
import type { ErrorCode } from '../errors.ts';
import type { Journal } from '../changes/journal.ts';
import type { Lists, OptOutList } from './opt-out-lists.ts';
import type { Store } from '../stores/store.ts';

/** The status of one list. Times in ms UTC. */
export interface ListStatus {
  readonly state: State;
  /** Age of the list in ms. `null` if it has no provider, was not read yet, or is of unknown age. */
  readonly ageMs: number | null;
  /** Numbers that the provider's list holds. */
  readonly size: number;
  /** Numbers with first-hand evidence. */
  readonly firstHand: number;
  /** Start of the last complete sweep, also if it was before a restart; `null` before the first. */
  readonly lastSweep: number | null;
  /** The last sweep that ended in this process; `null` before the first. */
  readonly lastAttempt: {
    readonly startedAt: number;
    readonly durationMs: number;
    readonly status: 'complete' | 'failed';
  } | null;
  readonly consecutiveFailures: number;
  /** Whether another process reads the provider's list, and this one follows its sweeps. */
  readonly isFollowing: boolean;
  readonly lastErrorCode: ErrorCode | null;
  /** Since when removals are held back, because the list would shrink by half; `null` if they are not. */
  readonly heldSince: number | null;
}

/** The status of a guard. */
export interface GuardStatus {
  /** Whether there are no `reasons`. Answer a readiness probe with 200 if it is `true`, else with 503. */
  readonly ready: boolean;
  /**
   * Why the guard is not ready: the reason for which numbers that are not listed are blocked (`not_ready`, `stale`,
   * `expired` or `closed`, as in `Decision.reason` under the policy), and the codes of gates that do not see sends. A
   * provider or a store that is down is no reason while the answers are still good: see `lists` and `store`.
   */
  readonly reasons: readonly string[];
  readonly state: State;
  readonly ageMs: number | null;
  readonly lists: Readonly<Record<string, ListStatus>>;
  readonly store: { readonly kind: string; readonly isOpen: boolean; readonly lastErrorCode: string | null };
  /** The offset of the provider's clock; `null` while it is not known. */
  readonly clock: ClockStatus | null;
  readonly counters: CheckCounters & {
    readonly optOuts: number;
    readonly optIns: number;
    readonly webhooksRefused: number;
  };
}

/** Codes of what keeps the guard from its work, added by other modules. */
export interface Obstacles {
  /** Adds a code. @returns a function that removes this addition. The code stays while there is another. */
  add(code: string): () => void;
  /** The codes, each once. */
  codes(): readonly string[];
}

/** Creates an empty collection. */
export function createObstacles(): Obstacles {
  const codes = new Map<object, string>();
  return {
    add(code) {
      const entry = {};
      codes.set(entry, code);
      return () => void codes.delete(entry);
    },
    codes: () => [...new Set(codes.values())],
  };
}

/** Collects the status of a guard from its parts. */
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
  // A check of a number that no list has: which number it is does not matter.
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
    // Only a complete sweep holds removals back, so that there is a start.
    heldSince: ledger.heldMs === null ? null : Number(ledger.lastStart) - ledger.heldMs,
  };
}

/** What `status()` shows: how each list, the store and the checks are doing. Plain data, no number, no secret. */

import type { CheckCounters } from './checker.ts';
import type { State } from './decision.ts';
import type { ErrorCode } from './errors.ts';
import type { Journal } from './journal.ts';
import type { Lists, OptOutList } from './lists.ts';
import type { Store } from './stores/store.ts';

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
  readonly state: State;
  readonly ageMs: number | null;
  readonly lists: Readonly<Record<string, ListStatus>>;
  readonly store: { readonly kind: string; readonly isOpen: boolean; readonly lastErrorCode: string | null };
  readonly counters: CheckCounters & {
    readonly optOuts: number;
    readonly optIns: number;
    readonly webhooksRefused: number;
  };
}

/** What is counted beside checks. */
export interface ChangeCounters {
  optOuts: number;
  optIns: number;
  webhooksRefused: number;
}

export function statusOf(parts: {
  readonly lists: Lists;
  readonly store: Store;
  readonly journal: Journal;
  readonly isClosed: boolean;
  readonly checks: CheckCounters;
  readonly changes: ChangeCounters;
}): GuardStatus {
  const { lists, store, journal, isClosed, checks, changes } = parts;
  const { state, ageMs } = lists.standing(lists.all());
  return {
    state: isClosed ? 'closed' : state,
    ageMs,
    lists: Object.fromEntries(
      lists.all().map((list) => [list.config.name, listStatus(list, lists, isClosed)]),
    ),
    store: { kind: store.kind, isOpen: journal.isOpen, lastErrorCode: journal.lastErrorCode ?? null },
    counters: { ...checks, blocked: { ...checks.blocked }, ...changes },
  };
}

function listStatus(list: OptOutList, lists: Lists, isClosed: boolean): ListStatus {
  const { ledger, sweeper } = list;
  const { state, ageMs } = lists.standing([list]);
  const last = sweeper?.last;
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
    consecutiveFailures: sweeper?.consecutiveFailures ?? 0,
    isFollowing: sweeper?.isFollowing ?? false,
    lastErrorCode: attempt?.status === 'failed' ? attempt.error.code : null,
    heldSince: ledger.heldMs === null ? null : (ledger.lastStart ?? 0) - ledger.heldMs,
  };
}

/**
 * The poller of one list: it runs one sweep at a time, at an interval. Polling never stops before `stop()`, whatever
 * fails. A failed sweep renews nothing. Once a list is known, the poller polls no faster than its interval. Its timers
 * do not keep the process alive.
 */

import { startTimer } from '../clock.ts';
import type { GuardError } from '../errors.ts';
import { MAX_TIMER_MS } from '../options/fields.ts';
import {
  createSweeps,
  figuresOf,
  type SweepControl,
  type SweepOptions,
  type SweepPorts,
  type FinishedSweep,
  type SweepOutcome,
} from './sweep.ts';
import { zeroCounts } from './list-reader.ts';
import { createSweepLease, type RequestLease } from './sweep-lease.ts';

/** How often and how a list is swept. Durations in ms. */
export interface PollerOptions extends SweepOptions {
  readonly everyMs: number;
  /** How far each interval is moved at random, as a fraction of it, 0 to 0.5. */
  readonly jitter: number;
}

export interface PollerPorts extends Omit<SweepPorts, 'takeNumber'> {
  readonly random: () => number;
  /** Returns why no sweep may begin now: until the store is loaded, absence and shrinking cannot be decided. */
  readonly notReadyError: () => GuardError | undefined;
  /** Asks for the right to sweep a list that several processes share. Left out if none does. */
  readonly requestLease?: RequestLease | undefined;
  /** Called after each sweep that the poller has run, unless `stop()` ended it. */
  readonly onOutcome: (outcome: SweepOutcome) => void;
}

export interface Poller {
  /** Starts polling: the first sweep begins at once. */
  start(): void;
  /**
   * Sweeps now, or joins the sweep that is running. In a shared list it takes the lease from another process.
   * `acceptShrink` accepts that the list loses half of its numbers. Never rejects.
   */
  sweep(options?: { readonly acceptShrink?: boolean }): Promise<SweepOutcome>;
  /** Stops polling for good and ends a running sweep. Resolves when no sweep is running. */
  stop(): Promise<void>;
  /** When the last complete sweep of this process started, by the age clock; `undefined` before. */
  readonly lastCompleteStart: number | undefined;
  /** The outcome of the last sweep. */
  readonly last: SweepOutcome | undefined;
  readonly consecutiveFailures: number;
  /** Whether another process sweeps the list, and this one follows. */
  readonly isFollowing: boolean;
}

/** The present activity of the poller. */
type Activity =
  | { readonly kind: 'none' }
  | { readonly kind: 'waiting'; readonly cancelTimer: () => void }
  | { readonly kind: 'sweeping'; readonly control: SweepControl; readonly outcome: Promise<SweepOutcome> };

/** Longest wait that a provider's `Retry-After` can impose, ms. */
const RETRY_AFTER_CAP_MS = 3_600_000;
/** First wait after a failure while no list is known at all, ms. It doubles up to the interval. */
const FIRST_RETRY_MS = 1_000;
/** How often a process that follows asks for the lease, ms. */
const FOLLOW_CHECK_MS = 5_000;
/** After this many failures in a row another process may try: the cause may be in this process. */
const FAILURES_PER_LEASE = 3;
/** Shortest pause between two sweeps, ms. It counts if a sweep took longer than the interval. */
const SHORTEST_PAUSE_MS = 1_000;

/** Creates the poller of one list. It does nothing before `start()` or `sweep()`. */
export function createPoller(options: PollerOptions, ports: PollerPorts): Poller {
  const { list, everyMs, jitter, timeoutMs } = options;
  const { clock, ledger, random, requestLease, onError } = ports;
  const lease = requestLease && createSweepLease(requestLease, { clock, timeoutMs, onError });
  const sweeps = createSweeps(options, { ...ports, takeNumber: lease?.takeNumber });
  let loop: 'not started' | 'running' | 'stopped' = 'not started';
  let activity: Activity = { kind: 'none' };
  let last: SweepOutcome | undefined;
  let consecutiveFailures = 0;

  function cancelTimer(): void {
    if (activity.kind === 'waiting') activity.cancelTimer();
  }

  function sweep(acceptShrink = false): Promise<SweepOutcome> {
    if (loop === 'stopped') return Promise.resolve({ status: 'closed', list });
    if (activity.kind === 'sweeping') return join(activity, acceptShrink);
    const error = ports.notReadyError();
    if (error) {
      return Promise.resolve({ ...figuresOf(list, clock.now(), 0, zeroCounts()), status: 'failed', error });
    }
    cancelTimer();
    const startedMonotonic = clock.monotonic();
    const control: SweepControl = {
      abort: new AbortController(),
      state: acceptShrink ? 'shrink_accepted' : 'reading',
    };
    const outcome = sweeps.sweep(control).then((ended) => finish(ended, startedMonotonic));
    activity = { kind: 'sweeping', control, outcome };
    return outcome;
  }

  /** Joins the running sweep, or runs another one if it is too late to accept anything in this one. */
  function join(
    { control, outcome }: Extract<Activity, { kind: 'sweeping' }>,
    acceptShrink: boolean,
  ): Promise<SweepOutcome> {
    if (!acceptShrink) return outcome;
    if (control.state === 'committing') return outcome.then(() => sweep(true));
    control.state = 'shrink_accepted';
    return outcome;
  }

  function finish(ended: FinishedSweep, startedMonotonic: number): SweepOutcome {
    activity = { kind: 'none' };
    if (ended.status === 'closed') return ended;
    last = ended;
    consecutiveFailures = ended.status === 'failed' ? consecutiveFailures + 1 : 0;
    if (loop === 'running') {
      const elapsedMs = clock.monotonic() - startedMonotonic;
      const spread = 1 + jitter * (2 * random() - 1);
      const failuresWithoutList = ledger.lastStart === null ? consecutiveFailures : 0;
      wait(delayAfter(ended, { everyMs, spread, elapsedMs, failuresWithoutList }));
    }
    if (ended.status === 'failed' && consecutiveFailures % FAILURES_PER_LEASE === 0) void lease?.release();
    ports.onOutcome(ended);
    return ended;
  }

  function wait(ms: number): void {
    cancelTimer();
    const onTimeout = () => {
      activity = { kind: 'none' };
      void takeTurn(false);
    };
    activity = { kind: 'waiting', cancelTimer: startTimer(clock, Math.min(ms, MAX_TIMER_MS), onTimeout) };
  }

  async function acquireLease(isForced: boolean): Promise<void> {
    await lease?.acquire(isForced);
    // A poller that was stopped meanwhile does not keep the lease.
    if (loop === 'stopped') await lease?.release();
  }

  /** Sweeps if this process may sweep and a sweep is due. Otherwise it waits. */
  async function takeTurn(isFirst: boolean): Promise<void> {
    if (lease === undefined) return void sweep();
    const wasFollowing = lease.isFollowing;
    await acquireLease(false);
    if (loop === 'stopped' || activity.kind === 'sweeping') return;
    const dueIn = (ledger.lastStart ?? 0) + everyMs - clock.now();
    if (lease.isFollowing) wait(Math.min(FOLLOW_CHECK_MS, everyMs));
    // A process that takes over continues the interval of the process before.
    else if (wasFollowing && !isFirst && dueIn > 0) wait(Math.min(dueIn, everyMs));
    else void sweep();
  }

  return {
    start() {
      if (loop !== 'not started') return;
      loop = 'running';
      void takeTurn(true);
    },
    async sweep({ acceptShrink } = {}) {
      const isIdle = activity.kind !== 'sweeping' && loop !== 'stopped';
      if (isIdle && ports.notReadyError() === undefined) await acquireLease(true);
      return sweep(acceptShrink);
    },
    async stop() {
      loop = 'stopped';
      cancelTimer();
      if (activity.kind === 'sweeping') {
        const { control, outcome } = activity;
        control.abort.abort();
        await outcome;
      }
      await lease?.release();
    },
    get lastCompleteStart() {
      return sweeps.lastCompleteStart;
    },
    get last() {
      return last;
    },
    get consecutiveFailures() {
      return consecutiveFailures;
    },
    get isFollowing() {
      return lease?.isFollowing ?? false;
    },
  };
}

/** The times and counts that decide how long the poller waits after a sweep. */
interface SweepTiming {
  readonly everyMs: number;
  /** The factor by which the jitter changes this interval, around 1. */
  readonly spread: number;
  /** The time since the sweep started, ms. */
  readonly elapsedMs: number;
  /** How many sweeps in a row have failed while no list is known at all. */
  readonly failuresWithoutList: number;
}

/** Returns how long to wait after a sweep, ms. Intervals count from start to start. */
function delayAfter(
  ended: FinishedSweep,
  { everyMs, spread, elapsedMs, failuresWithoutList }: SweepTiming,
): number {
  const firstRetryMs =
    failuresWithoutList === 0 ? Infinity : FIRST_RETRY_MS * 2 ** Math.min(failuresWithoutList - 1, 30);
  const interval = Math.min(everyMs, firstRetryMs) * spread;
  const { retryAfterMs = 0 } = ended.status === 'failed' ? ended.error : {};
  const pause = Math.max(Math.min(SHORTEST_PAUSE_MS, everyMs), Math.min(retryAfterMs, RETRY_AFTER_CAP_MS));
  return Math.max(interval - elapsedMs, pause);
}

/**
 * The refresh loop of one list: one sweep at a time, for ever, whatever fails. It never keeps the process alive,
 * never polls faster than its interval once a list is known, and never takes a failure for news.
 */

import { startTimer, within } from '../clock.ts';
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
import { noCounts } from './list-reader.ts';
import type { Lease } from '../stores/store.ts';

/** How often and how a list is swept. Durations in ms. */
export interface PollerOptions extends SweepOptions {
  readonly everyMs: number;
  readonly jitter: number;
}

export interface PollerPorts extends SweepPorts {
  readonly random: () => number;
  /** Why no sweep may begin now: until the store is loaded, absence and shrinking cannot be judged. */
  readonly obstacle: () => GuardError | undefined;
  /**
   * Asks for the right to sweep the list, where several processes share a store; left out where none does. `isForced`
   * takes it from whoever holds it.
   */
  readonly lease?: ((isForced: boolean) => Promise<Lease | undefined>) | undefined;
  readonly onOutcome: (outcome: SweepOutcome) => void;
}

export interface Poller {
  /** Begins to sweep, at once and then for ever. */
  start(): void;
  /** Sweeps now, whoever's turn it is, or joins the sweep in flight. Never rejects. */
  sweep(options?: { readonly acceptShrink?: boolean }): Promise<SweepOutcome>;
  /** Ends a sweep in flight and every later one. Resolves when none is running. */
  stop(): Promise<void>;
  /** When the last complete sweep of this process started, by the age clock; `undefined` before. */
  readonly completedAt: number | undefined;
  /** The last sweep that ended. */
  readonly last: SweepOutcome | undefined;
  readonly consecutiveFailures: number;
  /** Whether another process sweeps the list, and this one follows. */
  readonly isFollowing: boolean;
}

/** A sweep under way. */
interface Flight extends SweepControl {
  readonly outcome: Promise<SweepOutcome>;
}

/** Longest wait that a provider's `Retry-After` can impose, ms. */
const RETRY_AFTER_CAP_MS = 3_600_000;
/** First wait after a failure while no list is known at all, ms. It doubles up to the interval. */
const FIRST_RETRY_MS = 1_000;
/** How often a process that follows asks whether it is its turn, ms. */
const FOLLOWING_MS = 5_000;
/** After how many failures in a row another process may try: what fails here may be this process's own. */
const FAILURES_PER_LEASE = 3;
/** Shortest pause between two sweeps, ms, where a sweep took longer than the interval. */
const SHORTEST_PAUSE_MS = 1_000;

/** Creates the loop of one list; nothing happens before `start()` or `sweep()`. */
export function createPoller(options: PollerOptions, ports: PollerPorts): Poller {
  const { list, everyMs, jitter } = options;
  const { clock, ledger, random } = ports;
  const sweeps = createSweeps(options, { ...ports, nextSweep, isNumberShared: () => isNumberShared });
  let cancelTimer: (() => void) | undefined;
  let flight: Flight | undefined;
  let isLooping = false;
  let isStopped = false;
  let last: SweepOutcome | undefined;
  let consecutiveFailures = 0;
  let lease: Lease | undefined;
  let isFollowing = false;
  // Whether the number of the last sweep is this process's own, while others have theirs from the store.
  let isNumberShared = false;

  /** Without a store that can be asked this process counts by itself. */
  async function nextSweep(): Promise<number | undefined> {
    isNumberShared = ports.lease !== undefined && lease === undefined;
    if (lease === undefined) return undefined;
    try {
      return await within(clock, options.timeoutMs, lease.nextSweep());
    } catch (error) {
      isNumberShared = true;
      ports.onError(error);
      return undefined;
    }
  }

  function sweep({ acceptShrink = false }: { readonly acceptShrink?: boolean } = {}): Promise<SweepOutcome> {
    if (isStopped) return Promise.resolve({ status: 'closed', list });
    if (flight?.isCommitted && acceptShrink) return flight.outcome.then(() => sweep({ acceptShrink }));
    if (flight) {
      flight.isAccepted ||= acceptShrink;
      return flight.outcome;
    }
    const obstacle = ports.obstacle();
    const startedMonotonic = clock.monotonic();
    if (obstacle) {
      const figures = figuresOf(list, clock.now(), clock.monotonic() - startedMonotonic, noCounts());
      return Promise.resolve({ ...figures, status: 'failed', error: obstacle });
    }
    cancelTimer?.();
    const started = { abort: new AbortController(), isAccepted: acceptShrink, isCommitted: false };
    const outcome = sweeps.fly(started).then((ended) => {
      flight = undefined;
      if (ended.status === 'closed') return ended;
      last = ended;
      consecutiveFailures = ended.status === 'failed' ? consecutiveFailures + 1 : 0;
      if (isLooping && !isStopped) schedule(startedMonotonic, ended);
      if (ended.status === 'failed' && consecutiveFailures % FAILURES_PER_LEASE === 0) void letGo();
      ports.onOutcome(ended);
      return ended;
    });
    flight = Object.assign(started, { outcome });
    return outcome;
  }

  function schedule(startedMonotonic: number, ended: FinishedSweep): void {
    const spread = 1 + jitter * (2 * random() - 1);
    let interval = everyMs * spread;
    let pause = Math.min(SHORTEST_PAUSE_MS, everyMs);
    if (ended.status === 'failed') {
      const { retryAfterMs = 0 } = ended.error;
      pause = Math.max(pause, Math.min(retryAfterMs, RETRY_AFTER_CAP_MS));
      if (ledger.lastStart === null) {
        interval = Math.min(everyMs, FIRST_RETRY_MS * 2 ** Math.min(consecutiveFailures - 1, 30)) * spread;
      }
    }
    const elapsed = clock.monotonic() - startedMonotonic;
    scheduleTurn(Math.max(interval - elapsed, pause));
  }

  function scheduleTurn(wait: number): void {
    cancelTimer?.();
    const next = () => void (ports.lease === undefined ? sweep() : turn());
    cancelTimer = startTimer(clock, Math.min(wait, MAX_TIMER_MS), next);
  }

  /** Gets hold of the right to sweep. Where nobody can be asked for it, everybody sweeps for himself. */
  async function acquire(isForced: boolean): Promise<void> {
    if (ports.lease === undefined || lease?.isHeld()) return;
    await letGo();
    const asking = ports.lease(isForced);
    try {
      lease = await within(clock, options.timeoutMs, asking);
      isFollowing = lease === undefined;
    } catch {
      isFollowing = false;
      // One that comes after all is nobody's.
      asking.then((late) => late?.release()).catch(() => undefined);
    }
    // A guard that was closed meanwhile has no use for it.
    if (isStopped) await letGo();
  }

  async function letGo(): Promise<void> {
    const held = lease;
    lease = undefined;
    await held?.release().catch(ports.onError);
  }

  /** Sweeps if it is this process's turn and time, else looks again later. */
  async function turn(isFirst = false): Promise<void> {
    const wasFollowing = isFollowing;
    await acquire(false);
    if (isStopped || flight) return;
    const due = (ledger.lastStart ?? 0) + everyMs - clock.now();
    if (isFollowing) scheduleTurn(Math.min(FOLLOWING_MS, everyMs));
    // Whoever takes over goes on where the other one left off.
    else if (wasFollowing && !isFirst && due > 0) scheduleTurn(Math.min(due, everyMs));
    else void sweep();
  }

  return {
    start() {
      if (isLooping) return;
      isLooping = true;
      if (ports.lease === undefined) void sweep();
      else void turn(true);
    },
    async sweep(given) {
      if (flight === undefined && !isStopped && ports.obstacle() === undefined) await acquire(true);
      return sweep(given);
    },
    async stop() {
      isStopped = true;
      cancelTimer?.();
      flight?.abort.abort();
      await flight?.outcome;
      await letGo();
    },
    get completedAt() {
      return sweeps.completedAt;
    },
    get last() {
      return last;
    },
    get consecutiveFailures() {
      return consecutiveFailures;
    },
    get isFollowing() {
      return isFollowing;
    },
  };
}

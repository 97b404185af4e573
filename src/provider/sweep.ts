/**
 * The refresh loop of one list: one sweep at a time, for ever, whatever fails. It never keeps the process alive,
 * never polls faster than its interval once a list is known, and never takes a failure for news.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { startTimer, within, type ActTime, type AgeClock, type Clock } from '../clock.ts';
import { ProviderError, type GuardError } from '../errors.ts';
import { MAX_TIMER_MS } from '../option-fields.ts';
import type { OptOutChange } from '../optouts/change.ts';
import type { Ledger } from '../optouts/ledger.ts';
import type { CommitEffect, Removals } from '../optouts/sweep-run.ts';
import { createOffload, LONG_LIST_ROWS } from './offload.ts';
import type { Provider } from './provider.ts';
import { asProviderError, noCounts, readList, type ReadingCounts, type ReadingOptions } from './reading.ts';
import { repliesOf } from './replies.ts';
import type { SpawnThread } from './thread/connection.ts';

/** What a sweep came to. Times in ms. */
export type SweepOutcome =
  | (SweepFigures & {
      readonly status: 'complete';
      /** Numbers on the list now. */
      readonly size: number;
      readonly removed: number;
      /** Whether removals are held back because the list would shrink by half. */
      readonly isHeld: boolean;
    })
  | (SweepFigures & { readonly status: 'failed'; readonly error: GuardError })
  | { readonly status: 'closed'; readonly list: string };

/** What a sweep that was begun came to: only the provider can make it fail. */
type FlownOutcome =
  | Exclude<SweepOutcome, { status: 'failed' }>
  | (SweepFigures & { readonly status: 'failed'; readonly error: ProviderError });

/** What every sweep counts. */
export interface SweepFigures {
  readonly list: string;
  /** ms UTC. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly pages: number;
  readonly rows: number;
  readonly added: number;
  readonly unreadable: number;
}

/** What is out of the ordinary about a list. */
export type AnomalyCode =
  'rows_unreadable' | 'rows_doubtful' | 'shrink_held' | 'opt_in_overruled' | 'list_incomplete';

/** An anomaly. Its message holds no number. */
export interface Anomaly {
  readonly code: AnomalyCode;
  readonly list: string;
  readonly message: string;
  /** How many rows or numbers it is about. */
  readonly count: number;
}

/** How often and how a list is swept. Durations in ms. */
export interface SweepOptions extends ReadingOptions {
  readonly list: string;
  readonly everyMs: number;
  readonly jitter: number;
  /** From how many rows on a sweep has a thread of its own, where its provider's replies can be read in one. */
  readonly threadFromRows?: number;
}

export interface SweepPorts {
  readonly provider: Provider;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly ageClock: AgeClock;
  readonly actTime: ActTime;
  readonly random: () => number;
  /** Keeps opt-ins that the list proves and lets them count. */
  readonly keepOptIns: (changes: readonly OptOutChange[]) => Promise<void>;
  /** Why no sweep may begin now: until the store is loaded, absence and shrinking cannot be judged. */
  readonly obstacle: () => GuardError | undefined;
  /**
   * Asks for the right to sweep the list, where several processes share a store; left out where none does. `isForced`
   * takes it from whoever holds it.
   */
  readonly lease?: ((isForced: boolean) => Promise<SweepLease | undefined>) | undefined;
  /** Sees to it that what the ledger now knows of the list is kept. */
  readonly saveSweep: () => void;
  readonly onOutcome: (outcome: SweepOutcome) => void;
  readonly onAnomaly: (anomaly: Anomaly) => void;
  /** A fault that is not the provider's: the store's. */
  readonly onError: (error: unknown) => void;
  /** Told each time sweeps begin to have no thread of their own for a while, because one could not be started or died. */
  readonly onThreadLost?: () => void;
  readonly spawnThread?: SpawnThread;
}

/** The right to sweep a list. */
export interface SweepLease {
  isHeld(): boolean;
  release(): Promise<void>;
}

export interface Sweeper {
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
interface Flight {
  readonly outcome: Promise<SweepOutcome>;
  readonly abort: AbortController;
  isAccepted: boolean;
  /** Whether it is too late to accept anything. */
  isCommitted: boolean;
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
export function createSweeper(options: SweepOptions, ports: SweepPorts): Sweeper {
  const { list, everyMs, jitter } = options;
  const { clock, ledger, random } = ports;
  const offload = createOffload(
    { fromRows: options.threadFromRows ?? LONG_LIST_ROWS, timeoutMs: options.timeoutMs },
    { clock, spawn: ports.spawnThread, onLost: () => ports.onThreadLost?.() },
  );
  let cancelTimer: (() => void) | undefined;
  let flight: Flight | undefined;
  let isLooping = false;
  let isStopped = false;
  let completedAt: number | undefined;
  let last: SweepOutcome | undefined;
  let consecutiveFailures = 0;
  let lease: SweepLease | undefined;
  let isFollowing = false;

  function anomaly(code: AnomalyCode, count: number, message: string): void {
    if (count > 0) ports.onAnomaly({ code, list, count, message });
  }

  /** A store that fails or never answers does not keep a sweep from its end. */
  async function keepOptIns(changes: readonly OptOutChange[]): Promise<void> {
    try {
      await within(clock, options.timeoutMs, ports.keepOptIns(changes));
    } catch (error) {
      ports.onError(error);
    }
  }

  function figuresOf(startedAt: number, startedMonotonic: number, counts: ReadingCounts): SweepFigures {
    const { pages, rows, added, unreadable } = counts;
    const durationMs = Math.round(clock.monotonic() - startedMonotonic);
    return { list, startedAt, durationMs, pages, rows, added, unreadable };
  }

  async function commit(removals: Removals, steps: ReturnType<typeof ledger.begin>) {
    const commitment = steps.commit(removals);
    for (;;) {
      const step = commitment.next();
      if (step.done) return step.value;
      await nextTurn();
    }
  }

  async function runOnce(own: Omit<Flight, 'outcome'>): Promise<FlownOutcome> {
    const { signal } = own.abort;
    ports.actTime.atLeast(ledger.lastStart ?? -Infinity);
    // By the time of acts: a wall clock that was set back must not make this sweep look older than the one before it.
    const startedAt = ports.actTime.now();
    const startedMonotonic = clock.monotonic();
    const startedAge = ports.ageClock.now();
    const run = ledger.begin(startedAt);
    const counts = noCounts();
    const figures = () => figuresOf(startedAt, startedMonotonic, counts);
    const { provider } = ports;
    const thread = offload.begin(startedAt, signal);
    try {
      if (repliesOf(provider)) thread.expect(ledger.listedByProvider);
      await thread.started;
      await readList(options, { provider, clock, start: startedAt, run, thread, signal, keepOptIns }, counts);
      own.isCommitted = true;
      const effect = await commit(counts.unreadable > 0 ? 'none' : own.isAccepted ? 'accept' : 'apply', run);
      if (effect.status === 'dropped') {
        throw new ProviderError('provider_aborted', 'a later sweep was taken over meanwhile');
      }
      completedAt = startedAge;
      ports.saveSweep();
      if (effect.optIns.length > 0) await keepOptIns(effect.optIns);
      reportAnomalies(counts, effect);
      const { size, removed, isHeld } = effect;
      return { ...figures(), status: 'complete', size, removed, isHeld };
    } catch (thrown) {
      run.abort();
      const error = asProviderError(thrown);
      if (error.code === 'provider_incomplete') anomaly('list_incomplete', 1, error.message);
      reportAnomalies(counts, undefined);
      // What an incomplete sweep has shown counts, after a restart too.
      if (ledger.hasNews) ports.saveSweep();
      return isStopped ? { status: 'closed', list } : { ...figures(), status: 'failed', error };
    } finally {
      await thread.end();
    }
  }

  function reportAnomalies(counts: ReadingCounts, effect: CommitEffect | undefined): void {
    anomaly(
      'rows_unreadable',
      counts.unreadable,
      'rows without a readable number: nothing is removed by this sweep',
    );
    for (const [doubt, count] of counts.doubts) {
      anomaly('rows_doubtful', count, `rows that block in spite of a doubt: ${doubt}`);
    }
    anomaly(
      'opt_in_overruled',
      counts.overruled,
      'numbers that opted in again are still on the provider’s list',
    );
    if (effect?.status === 'committed' && effect.isHeld) {
      anomaly(
        'shrink_held',
        effect.missing,
        'the list would shrink by half: removals are held back until accepted',
      );
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
      const figures = figuresOf(clock.now(), startedMonotonic, noCounts());
      return Promise.resolve({ ...figures, status: 'failed', error: obstacle });
    }
    cancelTimer?.();
    const started = { abort: new AbortController(), isAccepted: acceptShrink, isCommitted: false };
    const outcome = runOnce(started).then((ended) => {
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

  function schedule(startedMonotonic: number, ended: FlownOutcome): void {
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
      return completedAt;
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

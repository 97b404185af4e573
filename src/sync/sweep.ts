/**
 * One sweep of a list, from its start to what it came to. The list is as it was, and longer at most, until all of it
 * was read; then what it lacks is removed, and what was out of the ordinary is told.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { within, type AgeClock, type Clock } from '../clock.ts';
import { ProviderError, type GuardError } from '../errors.ts';
import type { LogPosition, OptOutChange } from '../ledger/evidence.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CommitEffect, Removals } from '../ledger/sweep-types.ts';
import { createOffload, LONG_LIST_ROWS } from './sweep-thread.ts';
import type { Provider } from '../providers/provider.ts';
import {
  asProviderError,
  noCounts,
  readList,
  type ReadingCounts,
  type ReadingOptions,
} from './list-reader.ts';
import { repliesOf } from '../providers/raw-replies.ts';
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
export type FinishedSweep =
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

/** How the sweeps of a list go. Durations in ms. */
export interface SweepOptions extends ReadingOptions {
  readonly list: string;
  /** From how many rows on a sweep has a thread of its own, where its provider's replies can be read in one. */
  readonly threadFromRows?: number;
}

export interface SweepPorts {
  readonly provider: Provider;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly ageClock: AgeClock;
  /** Takes the number of a sweep that begins from the store's counter. Left out: this process counts. */
  readonly nextSweep?: (() => Promise<number | undefined>) | undefined;
  /** Whether another process may have a sweep of the same number. Such a sweep removes nothing. */
  readonly isNumberShared?: () => boolean;
  /** What this process has applied of the store's log. */
  readonly applied?: (() => LogPosition | undefined) | undefined;
  /** Keeps opt-ins that trusted removals stand for, and lets them count. */
  readonly keepOptIns: (changes: readonly OptOutChange[]) => Promise<void>;
  /** Sees to it that what the ledger now knows of the list is kept. */
  readonly saveSweep: () => void;
  readonly onAnomaly: (anomaly: Anomaly) => void;
  /** A fault that is not the provider's: the store's. */
  readonly onError: (error: unknown) => void;
  /** Told each time sweeps begin to have no thread of their own for a while, because one could not be started or died. */
  readonly onThreadLost?: () => void;
  /** Told once of a list that holds numbers in more than one row, with how many rows it has beyond one a number. */
  readonly onDuplicates?: (rows: number) => void;
  /** Told the provider's time, ms UTC, when a page comes that carries it. */
  readonly onServerTime?: (time: number) => void;
  readonly spawnThread?: SpawnThread;
}

/** What can be said to a sweep under way. */
export interface SweepControl {
  /** Ends it: it comes to nothing but `closed`. */
  readonly abort: AbortController;
  isAccepted: boolean;
  /** Whether it is too late to accept anything. */
  isCommitted: boolean;
}

export interface Sweeps {
  /** Sweeps once; one at a time. */
  fly(own: SweepControl): Promise<FinishedSweep>;
  /** When the last complete one started, by the age clock; `undefined` before. */
  readonly completedAt: number | undefined;
}

/** Creates the sweeps of one list. */
export function createSweeps(options: SweepOptions, ports: SweepPorts): Sweeps {
  const { list } = options;
  const { clock, ledger } = ports;
  const offload = createOffload(
    { fromRows: options.threadFromRows ?? LONG_LIST_ROWS, timeoutMs: options.timeoutMs },
    { clock, spawn: ports.spawnThread, onLost: () => ports.onThreadLost?.() },
  );
  let completedAt: number | undefined;
  let areDuplicatesTold = false;

  function tellDuplicates(rows: number): void {
    if (rows <= 0 || areDuplicatesTold) return;
    areDuplicatesTold = true;
    ports.onDuplicates?.(rows);
  }

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

  async function commit(removals: Removals, steps: ReturnType<typeof ledger.begin>) {
    const commitment = steps.commit(removals);
    for (;;) {
      const step = commitment.next();
      if (step.done) return step.value;
      await nextTurn();
    }
  }

  async function fly(own: SweepControl): Promise<FinishedSweep> {
    const { signal } = own.abort;
    const given = await ports.nextSweep?.();
    const startedAt = clock.now();
    const startedMonotonic = clock.monotonic();
    const startedAge = ports.ageClock.now();
    const isNumberShared = ports.isNumberShared?.() === true;
    const number = Math.max(given ?? 0, ledger.lastBegun + 1);
    const run = ledger.begin({
      ...{ number, start: startedAt, began: startedMonotonic },
      basis: ports.applied?.(),
    });
    const counts = noCounts();
    const figures = () => figuresOf(list, startedAt, clock.monotonic() - startedMonotonic, counts);
    const { provider } = ports;
    const thread = offload.begin(startedAt, signal);
    try {
      if (repliesOf(provider)) thread.expect(ledger.listedByProvider);
      await thread.started;
      const { onServerTime } = ports;
      // At once: after a crash the opt-in would hold again until the next sweep has read the row.
      const onOverruled = () => ports.saveSweep();
      const reading = { provider, clock, start: startedAt, run, thread, signal, onServerTime, onOverruled };
      await readList(options, reading, counts);
      own.isCommitted = true;
      const isNoProof = counts.unreadable > 0 || isNumberShared;
      const effect = await commit(isNoProof ? 'none' : own.isAccepted ? 'accept' : 'apply', run);
      if (effect.status === 'dropped') {
        throw new ProviderError('provider_aborted', 'a later sweep was taken over meanwhile');
      }
      completedAt = startedAge;
      ports.saveSweep();
      if (effect.optIns.length > 0) await keepOptIns(effect.optIns);
      reportAnomalies(counts, effect);
      tellDuplicates(counts.duplicates);
      const { size, removed, isHeld } = effect;
      return { ...figures(), status: 'complete', size, removed, isHeld };
    } catch (thrown) {
      run.abort();
      const error = asProviderError(thrown);
      if (error.code === 'provider_incomplete') anomaly('list_incomplete', 1, error.message);
      reportAnomalies(counts, undefined);
      // What an incomplete sweep has shown counts, after a restart too.
      if (ledger.hasNews) ports.saveSweep();
      return signal.aborted ? { status: 'closed', list } : { ...figures(), status: 'failed', error };
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

  return {
    fly,
    get completedAt() {
      return completedAt;
    },
  };
}

/** The figures of a sweep that took `elapsed` ms so far. */
export function figuresOf(
  list: string,
  startedAt: number,
  elapsed: number,
  { pages, rows, added, unreadable }: ReadingCounts,
): SweepFigures {
  return { list, startedAt, durationMs: Math.round(elapsed), pages, rows, added, unreadable };
}

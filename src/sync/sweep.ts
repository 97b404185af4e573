/**
 * One sweep of a provider's list: it reads the whole list, commits it to the ledger and reports anomalies. Until the
 * commit the ledger only adds numbers. The commit removes numbers that the list lacks.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { within, type AgeClock, type Clock } from '../clock.ts';
import { ProviderError, type GuardError } from '../errors.ts';
import type { LogPosition, OptOutChange } from '../ledger/evidence.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CommitEffect, Removals, SweepRun } from '../ledger/sweep-types.ts';
import type { Provider } from '../providers/provider.ts';
import {
  asProviderError,
  readList,
  zeroCounts,
  type ListReaderOptions,
  type SweepCounts,
} from './list-reader.ts';

/** The outcome of a sweep. Times in ms. */
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

/** The outcome of a sweep that has begun: only the provider can make it fail. */
export type FinishedSweep =
  | Exclude<SweepOutcome, { status: 'failed' }>
  | (SweepFigures & { readonly status: 'failed'; readonly error: ProviderError });

/** The counts and times of a sweep. */
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

/** The kind of an anomaly. */
export type AnomalyCode =
  'rows_unreadable' | 'rows_doubtful' | 'shrink_held' | 'opt_in_overruled' | 'list_incomplete';

/** Something unusual about a list. The message contains no phone number. */
export interface Anomaly {
  readonly code: AnomalyCode;
  readonly list: string;
  readonly message: string;
  /** How many rows or numbers it is about. */
  readonly count: number;
}

/** How the sweeps of a list are run. Durations in ms. */
export interface SweepOptions extends ListReaderOptions {
  readonly list: string;
}

/**
 * The number of a sweep. `from_store`: no other sweep has it. `local`: this process counts, and no other process sweeps
 * the list. `ambiguous`: this process counts, and another process may use the same number; such a sweep removes
 * nothing.
 */
export type SweepNumber =
  | { readonly kind: 'from_store'; readonly number: number }
  | { readonly kind: 'local' }
  | { readonly kind: 'ambiguous' };

export interface SweepPorts {
  readonly provider: Provider;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly ageClock: AgeClock;
  /** Takes the number of a sweep that begins. Never rejects. Left out: `local`. */
  readonly takeNumber?: (() => Promise<SweepNumber>) | undefined;
  /** Returns the last position of the store's log that this process has applied. */
  readonly applied?: (() => LogPosition | undefined) | undefined;
  /** Stores and applies the opt-ins that follow from trusted removals. */
  readonly keepOptIns: (changes: readonly OptOutChange[]) => Promise<void>;
  /** Requests a save of what the ledger knows of the provider's list. */
  readonly saveSweep: () => void;
  readonly onAnomaly: (anomaly: Anomaly) => void;
  /** Called with an error that is not the provider's but the store's. */
  readonly onError: (error: unknown) => void;
  /** Called once if the list holds numbers in more than one row, with the number of rows beyond the first of each. */
  readonly onDuplicates?: (rows: number) => void;
  /** Called with the provider's time, ms UTC, for each page that carries it. */
  readonly onServerTime?: (time: number) => void;
}

/** Controls a running sweep. */
export interface SweepControl {
  /** Ends the sweep when it aborts: its outcome is `closed`. */
  readonly abort: AbortController;
  /** `shrink_accepted`: the list may lose half of its numbers. `committing`: it is too late to accept that. */
  state: 'reading' | 'shrink_accepted' | 'committing';
}

export interface Sweeps {
  /** Runs one sweep. Call it only if no other sweep of the list is running. */
  sweep(control: SweepControl): Promise<FinishedSweep>;
  /** When the last complete sweep started, by the age clock; `undefined` before. */
  readonly lastCompleteStart: number | undefined;
}

/** Creates the sweeps of one list. */
export function createSweeps(options: SweepOptions, ports: SweepPorts): Sweeps {
  const { list } = options;
  const { clock, ledger, provider } = ports;
  let lastCompleteStart: number | undefined;
  let areDuplicatesReported = false;

  async function sweep(control: SweepControl): Promise<FinishedSweep> {
    const { signal } = control.abort;
    const sweepNumber: SweepNumber = (await ports.takeNumber?.()) ?? { kind: 'local' };
    const startedAt = clock.now();
    const startedMonotonic = clock.monotonic();
    const startedAge = ports.ageClock.now();
    const ledgerSweep = ledger.begin({
      number: Math.max(sweepNumber.kind === 'from_store' ? sweepNumber.number : 0, ledger.lastBegun + 1),
      start: startedAt,
      began: startedMonotonic,
      basis: ports.applied?.(),
    });
    const counts = zeroCounts();
    const figures = () => figuresOf(list, startedAt, clock.monotonic() - startedMonotonic, counts);
    try {
      const { onServerTime } = ports;
      // Saved at once: if the process crashed before the save, the opt-in would count again until the next sweep.
      const onOverruled = () => ports.saveSweep();
      const readerPorts = { provider, clock, sweepStart: startedAt, ledgerSweep, signal };
      await readList(options, { ...readerPorts, onServerTime, onOverruled }, counts);
      const removals = removalsOf(control, sweepNumber, counts);
      control.state = 'committing';
      const effect = await commit(ledgerSweep, removals);
      if (effect.status === 'dropped') {
        throw new ProviderError('provider_aborted', 'a later sweep was taken over meanwhile');
      }
      lastCompleteStart = startedAge;
      ports.saveSweep();
      if (effect.optIns.length > 0) await keepOptIns(effect.optIns);
      reportAnomalies(counts, effect);
      reportDuplicates(counts.duplicates);
      const { size, removed, isHeld } = effect;
      return { ...figures(), status: 'complete', size, removed, isHeld };
    } catch (thrown) {
      ledgerSweep.abort();
      const error = asProviderError(thrown);
      if (error.code === 'provider_incomplete') {
        ports.onAnomaly({ code: 'list_incomplete', list, count: 1, message: error.message });
      }
      reportAnomalies(counts, undefined);
      // The rows that an incomplete sweep has read count, after a restart too.
      if (ledger.hasUnsavedChanges) ports.saveSweep();
      return signal.aborted ? { status: 'closed', list } : { ...figures(), status: 'failed', error };
    }
  }

  /** Stores opt-ins. If the store fails or does not answer in time, the sweep still ends. */
  async function keepOptIns(changes: readonly OptOutChange[]): Promise<void> {
    try {
      await within(clock, options.timeoutMs, ports.keepOptIns(changes));
    } catch (error) {
      ports.onError(error);
    }
  }

  function reportAnomalies(counts: SweepCounts, effect: CommitEffect | undefined): void {
    for (const anomaly of anomaliesOf(list, counts, effect)) if (anomaly.count > 0) ports.onAnomaly(anomaly);
  }

  function reportDuplicates(rows: number): void {
    if (rows <= 0 || areDuplicatesReported) return;
    areDuplicatesReported = true;
    ports.onDuplicates?.(rows);
  }

  return {
    sweep,
    get lastCompleteStart() {
      return lastCompleteStart;
    },
  };
}

/** Returns what the numbers that a sweep lacks prove. */
function removalsOf({ state }: SweepControl, { kind }: SweepNumber, { unreadable }: SweepCounts): Removals {
  if (unreadable > 0 || kind === 'ambiguous') return 'none';
  return state === 'shrink_accepted' ? 'accept' : 'apply';
}

/** Commits a sweep step by step; other work runs between two steps. */
async function commit(ledgerSweep: SweepRun, removals: Removals): Promise<CommitEffect> {
  const steps = ledgerSweep.commit(removals);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}

/** Yields the anomalies that a sweep can have, also those with a count of 0. */
function* anomaliesOf(
  list: string,
  counts: SweepCounts,
  effect: CommitEffect | undefined,
): Generator<Anomaly, void> {
  yield {
    ...{ code: 'rows_unreadable', list, count: counts.unreadable },
    message: 'rows without a readable number: nothing is removed by this sweep',
  };
  for (const [doubt, count] of counts.doubts) {
    const message = `rows that block in spite of a doubt: ${doubt}`;
    yield { code: 'rows_doubtful', list, count, message };
  }
  yield {
    ...{ code: 'opt_in_overruled', list, count: counts.overruled },
    message: 'numbers that opted in again are still on the provider’s list',
  };
  if (effect?.status === 'committed' && effect.isHeld) {
    yield {
      ...{ code: 'shrink_held', list, count: effect.missing },
      message: 'the list would shrink by half: removals are held back until accepted',
    };
  }
}

/** Returns the figures of a sweep that has taken `elapsed` ms so far. */
export function figuresOf(
  list: string,
  startedAt: number,
  elapsed: number,
  { pages, rows, added, unreadable }: SweepCounts,
): SweepFigures {
  return { list, startedAt, durationMs: Math.round(elapsed), pages, rows, added, unreadable };
}

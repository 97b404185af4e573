/**
 * The state of a provider list: its numbers, the sweep under way, the last complete sweep, and what is not saved yet.
 * With it the small transitions that the list and its sweeps share. The rules about removals are in list-sweep.ts.
 */

import type { LogPosition } from './evidence.ts';
import { createContradictions, type Contradictions } from './contradictions.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { selectNumbers } from '../number-set/chunked.ts';
import type { MissingNumbers } from './removals.ts';
import type { UnsavedDelta } from './unsaved-delta.ts';

/** The sweep under way. `id` is an object of its own for each sweep: numbers of sweeps may repeat. */
export type SweepState =
  | { readonly phase: 'idle' }
  /** Pages are read. `seen` are the opted-out numbers so far. */
  | { readonly phase: 'reading'; readonly id: object; readonly seen: NumberSet }
  /** The sweep was complete, and its missing numbers are searched. */
  | {
      readonly phase: 'committing';
      readonly id: object;
      readonly seen: NumberSet;
      readonly missing: MissingNumbers;
    };

/** The last complete sweep, and where this process knows it from. */
export type LastSweep = {
  /** 0 before the first complete sweep. */
  readonly number: number;
  /** ms UTC. */
  readonly start: number | null;
} & (
  | { readonly origin: 'never' | 'restored' }
  /** A sweep of another process. `began` is by this process's monotonic clock, ms. */
  | { readonly origin: 'followed'; readonly began: number }
  /** A sweep of this process. `basis` is what it had applied of the store's log when the sweep began. */
  | { readonly origin: 'own'; readonly began: number; readonly basis: LogPosition | undefined }
);

export interface ProviderListState {
  /** The numbers of the list: a member of one object that never changes, because every check reads it. */
  readonly view: { numbers: NumberSet };
  /** The numbers that the last complete sweep lacked. */
  missingOnce: NumberSet;
  /** The same of a followed sweep whose parts have not all come yet. */
  missingSoFar: NumberSet;
  sweep: SweepState;
  last: LastSweep;
  /** Number of the newest sweep that has begun in any process, as far as is known; 0 before. */
  lastBegun: number;
  /** For how long removals have been held back, ms; `null` if they are not. */
  heldMs: number | null;
  /** The changes since the last save that was kept; `undefined` if none was kept. */
  unsaved: UnsavedDelta | undefined;
  /** Whether anything changed since the last save began. */
  hasUnsavedChanges: boolean;
  readonly contradictions: Contradictions;
}

/** Creates the state of an empty list. */
export function createProviderListState(): ProviderListState {
  return {
    view: { numbers: createNumberSet() },
    missingOnce: createNumberSet(),
    missingSoFar: createNumberSet(),
    sweep: { phase: 'idle' },
    last: { origin: 'never', number: 0, start: null },
    lastBegun: 0,
    heldMs: null,
    unsaved: undefined,
    hasUnsavedChanges: false,
    contradictions: createContradictions(),
  };
}

/** Marks numbers that are added during a commit as seen, so that the commit does not remove them. */
export function markSeen({ sweep }: ProviderListState, numbers: Float64Array): void {
  if (sweep.phase !== 'committing') return;
  sweep.seen.addBatch(numbers);
  sweep.missing.leaving.deleteBatch(numbers);
}

/** Adds numbers to the list and to the delta of the next save. @returns how many were new. */
export function addNumbers(state: ProviderListState, numbers: Float64Array): number {
  markSeen(state, numbers);
  const { view, unsaved } = state;
  const added = selectNumbers(numbers, view.numbers, false).toSorted();
  if (added.length === 0) return 0;
  const sizeBefore = view.numbers.size;
  state.hasUnsavedChanges = true;
  view.numbers.addBatch(added);
  unsaved?.added.addBatch(added);
  unsaved?.removed.deleteBatch(added);
  return view.numbers.size - sizeBefore;
}

/** Returns whether the sweep under way has seen a number as opted out. */
export function hasSeen({ sweep }: ProviderListState, number: number): boolean {
  switch (sweep.phase) {
    case 'idle':
      return false;
    case 'reading':
    case 'committing':
      return sweep.seen.hasNumber(number);
  }
}

/** Returns whether a sweep of this number is older than the last complete one. */
export function isOutdated({ last }: ProviderListState, number: number): boolean {
  return number < last.number;
}

/** Returns when a complete sweep began, ms by the monotonic clock; `undefined` if this process does not know. */
export function beganOf(last: LastSweep): number | undefined {
  switch (last.origin) {
    case 'never':
    case 'restored':
      return undefined;
    case 'followed':
    case 'own':
      return last.began;
  }
}

/** Returns what had been applied of the log when a complete sweep began; `undefined` for sweeps of other processes. */
export function basisOf(last: LastSweep): LogPosition | undefined {
  return last.origin === 'own' ? last.basis : undefined;
}

/**
 * The numbers of one provider's list, as complete sweeps of any process left them and the sweep under way adds to them.
 * Pure: time comes in as arguments. list-sweep.ts has the rules by which a number is added or leaves.
 */

import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { selectNumbers } from '../number-set/chunked.ts';
import { beginListSweep, type ShrinkHoldOptions } from './list-sweep.ts';
import {
  addNumbers,
  createProviderListState,
  hasSeen,
  isOutdated,
  markSeen,
  type ProviderListState,
} from './provider-list-state.ts';
import type { FollowedSweep, ProviderListSave, ProviderListSnapshot } from './provider-list-types.ts';
import type { FirstHandPort, SweepRun, SweepStart } from './sweep-types.ts';
import { createUnsavedDelta, mergeDelta } from './unsaved-delta.ts';

export interface ProviderList {
  has(msisdn: string): boolean;
  /** Returns whether the list has the number, and the last complete sweep did not lack it. */
  hasNotMissing(msisdn: string): boolean;
  /** Notes that a sweep has begun, in any process. */
  noteBegun(number: number): void;
  /** The current numbers: a member of one object that never changes, because every check reads it. */
  readonly view: { readonly numbers: NumberSet };
  /** Begins a sweep. A sweep that is still open is ended. */
  begin(sweep: SweepStart, firstHand: FirstHandPort): SweepRun;
  /** Begins a save. One at a time. */
  save(): ProviderListSave;
  /**
   * Takes over a saved list, unless a later sweep is known. A number that the saved list lacks stays for one more
   * sweep, unless the last sweep known here lacked it too.
   *
   * @returns whether it was taken over.
   */
  restore(snapshot: ProviderListSnapshot): boolean;
  /**
   * Takes over a sweep of another process, unless a later sweep is known. The numbers that it added are added in any
   * case.
   *
   * @returns whether it was taken over.
   */
  follow(sweep: FollowedSweep): boolean;
  /** Start of the last complete sweep, ms UTC; `null` before the first. */
  readonly lastStart: number | null;
  /** Number of the last complete sweep; 0 before the first. */
  readonly lastNumber: number;
  /** Number of the newest sweep that has begun in any process, as far as is known; 0 before. */
  readonly lastBegun: number;
  /** For how long removals have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /** Whether anything changed since the last save began. */
  readonly hasUnsavedChanges: boolean;
}

/** Creates an empty list: nothing is known of the provider's list yet. */
export function createProviderList(options: ShrinkHoldOptions): ProviderList {
  const state = createProviderListState();
  const { view } = state;

  return {
    has: (msisdn) => view.numbers.has(msisdn),
    hasNotMissing: (msisdn) => view.numbers.has(msisdn) && !state.missingOnce.has(msisdn),
    noteBegun(number) {
      state.lastBegun = Math.max(number, state.lastBegun);
    },
    view,
    begin: (sweep, firstHand) => beginListSweep(state, sweep, firstHand, options),
    save: () => save(state),
    restore: (snapshot) => restore(state, snapshot),
    follow: (sweep) => follow(state, sweep),
    get lastStart() {
      return state.last.start;
    },
    get lastNumber() {
      return state.last.number;
    },
    get lastBegun() {
      return Math.max(state.lastBegun, state.last.number);
    },
    get heldMs() {
      return state.heldMs;
    },
    get hasUnsavedChanges() {
      return state.hasUnsavedChanges;
    },
  };
}

function save(state: ProviderListState): ProviderListSave {
  const { view, missingOnce, heldMs, last, unsaved: delta } = state;
  const sinceSave = createUnsavedDelta();
  state.unsaved = sinceSave;
  state.hasUnsavedChanges = false;

  function done(outcome: 'kept' | 'refused' | 'failed'): void {
    if (outcome === 'kept') return;
    state.hasUnsavedChanges = true;
    state.unsaved = delta;
    if (delta !== undefined) mergeDelta(delta, sinceSave);
    if (outcome === 'failed') return;
    for (const batch of delta?.removed.batches() ?? []) {
      addNumbers(state, batch);
      state.missingOnce.addBatch(batch);
    }
  }

  const { number, start } = last;
  const { numbers } = view;
  return { number, start, heldMs, size: numbers.size, numbers, missingOnce, delta, done };
}

function restore(state: ProviderListState, snapshot: ProviderListSnapshot): boolean {
  if (isOutdated(state, snapshot.number)) return false;
  const { view, missingOnce: missingBefore } = state;
  const numbersBefore = view.numbers;
  state.missingOnce = snapshot.missingOnce;
  state.heldMs = snapshot.heldMs;
  view.numbers = snapshot.numbers;
  state.last = { origin: 'restored', number: snapshot.number, start: snapshot.start };
  state.unsaved = createUnsavedDelta();
  for (const batch of numbersBefore.batches()) {
    const missing = selectNumbers(selectNumbers(batch, view.numbers, false), missingBefore, false);
    addNumbers(state, missing);
    state.missingOnce.addBatch(missing);
  }
  return true;
}

function follow(state: ProviderListState, sweep: FollowedSweep): boolean {
  // An old sweep may still add numbers. Only one that is newer than all that is known here may remove any.
  const added = Float64Array.from(sweep.added);
  state.view.numbers.addBatch(added);
  markSeen(state, added);
  const isNewer = !isOutdated(state, sweep.number);
  for (const number of sweep.removed) followRemoval(state, number, isNewer);
  followMissing(state, sweep, isNewer);
  if (!isNewer) return false;
  const { number, start, began } = sweep;
  const isSameSweep = number === state.last.number;
  state.last = isSameSweep ? { ...state.last, start } : { origin: 'followed', number, start, began };
  if (sweep.heldMs !== undefined) state.heldMs = sweep.heldMs;
  return true;
}

function followRemoval(state: ProviderListState, number: number, isNewer: boolean): void {
  const { view, sweep, unsaved } = state;
  if (isNewer && !hasSeen(state, number)) {
    view.numbers.deleteBatch([number]);
    if (sweep.phase === 'committing') sweep.missing.missing.deleteBatch([number]);
  } else if (view.numbers.hasNumber(number)) {
    // A newer sweep of ours lists the number, or may list it. The next save adds it to the store again.
    unsaved?.added.addBatch([number]);
    state.hasUnsavedChanges = true;
  }
}

function followMissing(state: ProviderListState, { missingOnce }: FollowedSweep, isNewer: boolean): void {
  if (missingOnce?.isFirst) state.missingSoFar = createNumberSet();
  state.missingSoFar.addBatch(missingOnce?.numbers ?? []);
  if (!isNewer || !missingOnce?.isLast) return;
  state.missingOnce = state.missingSoFar;
  state.missingSoFar = createNumberSet();
}

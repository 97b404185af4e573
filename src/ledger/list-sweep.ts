/**
 * One sweep of a provider list: its rows block as soon as their page is read, and its commit removes numbers. A number
 * leaves only if two complete sweeps in a row lack it, and no number leaves while the list seems to have lost half of
 * itself.
 */

import type { OptOutChange } from './evidence.ts';
import { addInSteps, selectNumbers } from '../number-set/chunked.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { addNumbers, basisOf, beganOf, isOutdated, type ProviderListState } from './provider-list-state.ts';
import { findMissing, noMissingNumbers, type MissingNumbers } from './removals.ts';
import { createSeenNumbers, type RowColumns } from './seen-numbers.ts';
import type { CommitEffect, FirstHandPort, Removals, SweepRun, SweepStart } from './sweep-types.ts';
import { applyRemoval, prepareRemoval } from './unsaved-delta.ts';

/** A list of at least this size that would lose half of its numbers is suspected to be incomplete. */
const SHRINK_FLOOR = 100;

/** How long removals are held back. Durations in ms. */
export interface ShrinkHoldOptions {
  /** How long the removals of a list that would shrink by half are held back. */
  readonly shrinkHoldMs: number;
  /** The most that one complete sweep adds to that time: a machine that slept has not watched the list. */
  readonly longestStepMs: number;
}

/** Creates a sweep and makes it the sweep under way. A sweep that is still open is ended. */
export function beginListSweep(
  state: ProviderListState,
  sweep: SweepStart,
  firstHand: FirstHandPort,
  options: ShrinkHoldOptions,
): SweepRun {
  const { number, began } = sweep;
  const { view } = state;
  const id = {};
  const contradictions = state.contradictions.begin();
  const seenNumbers = createSeenNumbers();
  let distinct = 0;
  state.sweep = { phase: 'reading', id, seen: seenNumbers.outs };
  state.lastBegun = Math.max(number, state.lastBegun);

  const isCurrent = () => state.sweep.phase !== 'idle' && state.sweep.id === id;

  /** Adds the opted-out rows of a page. @returns how many numbers are new, and whose opt-in the list now outweighs. */
  function takeOuts({ outs, outDates }: RowColumns) {
    const added = addNumbers(state, outs);
    const found = selectNumbers(outs, state.missingOnce, true);
    state.missingOnce.deleteBatch(found);
    if (found.length > 0) state.hasUnsavedChanges = true;
    const overruled: string[] = [];
    for (const [index, one] of outs.entries()) {
      if (!firstHand.hasNumber(one)) continue;
      const date = outDates[index] as number;
      const msisdn = String(one);
      const listed = { sweep: number, date: Number.isNaN(date) ? null : date };
      if (firstHand.noteListed(msisdn, listed, began)) overruled.push(msisdn);
    }
    return { added, overruled };
  }

  function* commit(removals: Removals): Generator<undefined, CommitEffect> {
    const reading = state.sweep;
    if (reading.phase !== 'reading' || reading.id !== id || isOutdated(state, number)) return DROPPED;
    const { seen } = reading;
    const { unlisted, listed } = contradictions.settle();
    seen.deleteBatch(unlisted);
    seen.addBatch(listed);
    addNumbers(state, listed);
    // Every seen number was added, so that the two sizes tell how many are missing.
    const missingCount = view.numbers.size - seen.size;
    if (removals === 'none') return complete(state, sweep, { removed: 0, missing: missingCount, optIns: [] });

    const heldMs = nextHeldMs(state, { removals, missingCount, began }, options);
    const before = view.numbers;
    const found = noMissingNumbers();
    const search = { seen, missingOnce: heldMs === null ? state.missingOnce : createNumberSet() };
    state.sweep = { phase: 'committing', id, seen, missing: found };
    // If another list was taken over meanwhile, its own sweep decides.
    const isOvertaken = () => !isCurrent() || isOutdated(state, number) || view.numbers !== before;
    const unsavedAdditions =
      missingCount === 0
        ? []
        : yield* stepsUntil(isOvertaken, prepareCommit(state, sweep, search, found, firstHand));
    if (unsavedAdditions === undefined) return DROPPED;

    // No other work runs from here on: either all of these numbers leave, or none.
    const { missing, leaving, optIns } = found;
    if (leaving.size > 0) {
      view.numbers = seen;
      if (state.unsaved) applyRemoval(state.unsaved, leaving, unsavedAdditions);
    }
    state.missingOnce = missing;
    state.heldMs = heldMs;
    const removed = before.size - view.numbers.size;
    return complete(state, sweep, { removed, missing: missing.size, optIns });
  }

  return {
    page(rows) {
      if (!isCurrent()) return { fresh: 0, added: 0, overruled: [] };
      // Every number that the sweep has seen is in the list.
      const outRows = contradictions.withoutBeaten(rows, (one) => view.numbers.hasNumber(one));
      const fresh = seenNumbers.take(rows);
      distinct += fresh;
      return { fresh, ...takeOuts(outRows) };
    },
    commit,
    get distinct() {
      return distinct;
    },
    abort() {
      if (isCurrent()) state.sweep = { phase: 'idle' };
    },
  };
}

const DROPPED: CommitEffect = { status: 'dropped' };

/** Ends a complete sweep. The age of the list counts from the start of this sweep from now on. */
function complete(
  state: ProviderListState,
  { number, start, began, basis }: SweepStart,
  effect: { readonly removed: number; readonly missing: number; readonly optIns: readonly OptOutChange[] },
): CommitEffect {
  state.sweep = { phase: 'idle' };
  state.last = { origin: 'own', number, start, began, basis };
  state.hasUnsavedChanges = true;
  return { status: 'committed', size: state.view.numbers.size, ...effect, isHeld: state.heldMs !== null };
}

/**
 * Returns for how long removals have been held back when a complete sweep lacks `missingCount` numbers, ms; `null` if
 * they are not held back any longer.
 */
function nextHeldMs(
  { view, heldMs, last }: ProviderListState,
  sweep: { readonly removals: Removals; readonly missingCount: number; readonly began: number },
  { shrinkHoldMs, longestStepMs }: ShrinkHoldOptions,
): number | null {
  const { size } = view.numbers;
  if (size < SHRINK_FLOOR || sweep.missingCount < size / 2 || sweep.removals === 'accept') return null;
  const lastBegan = beganOf(last) ?? sweep.began;
  const stepMs = Math.min(Math.max(0, sweep.began - lastBegan), longestStepMs);
  const nextMs = heldMs === null ? 0 : heldMs + stepMs;
  return nextMs < shrinkHoldMs ? nextMs : null;
}

/**
 * Finds the missing numbers. If some of them leave, completes `seen` to the list of the numbers that stay.
 *
 * @returns the leaving numbers whose addition is not saved yet.
 */
function* prepareCommit(
  state: ProviderListState,
  { number, start }: SweepStart,
  search: { readonly seen: NumberSet; readonly missingOnce: NumberSet },
  found: MissingNumbers,
  firstHand: FirstHandPort,
): Generator<undefined, readonly Float64Array[], undefined> {
  const basis = basisOf(state.last);
  const optInOf = (one: number) => firstHand.optInOfRemoval(one, { number, start }, basis);
  yield* findMissing(state.view.numbers, { ...search, optInOf }, found);
  if (found.leaving.size === 0) return [];
  yield* addInSteps(found.missing, search.seen);
  return yield* prepareRemoval(() => state.unsaved, found.leaving);
}

/** Runs steps to their end. @returns their result; `undefined` if they were stopped after one of them. */
function* stepsUntil<Result>(
  isStopped: () => boolean,
  steps: Generator<undefined, Result, undefined>,
): Generator<undefined, Result | undefined, undefined> {
  for (;;) {
    const step = steps.next();
    if (!step.done) yield;
    if (isStopped()) return undefined;
    if (step.done) return step.value;
  }
}

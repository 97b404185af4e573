/**
 * The numbers that were added to a list and removed from it since its last save. No rule is in here: the caller has
 * already decided that a number may be removed.
 */

import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { LOOKED_UP_AT_ONCE, addInSteps, selectNumbers, slicesOf } from '../number-set/chunked.ts';

/** Added and removed numbers. No number is in both sets. */
export interface NumberDelta {
  readonly added: NumberSet;
  readonly removed: NumberSet;
}

/** The delta that the next save brings to the store. */
export interface UnsavedDelta extends NumberDelta {
  removed: NumberSet;
}

/** Creates an empty delta. */
export function createUnsavedDelta(): UnsavedDelta {
  return { added: createNumberSet(), removed: createNumberSet() };
}

/** Merges a later delta into an earlier one. For a number that is in both, the later one counts. */
export function mergeDelta({ added, removed }: NumberDelta, later: NumberDelta): void {
  for (const batch of later.added.batches()) {
    added.addBatch(batch);
    removed.deleteBatch(batch);
  }
  for (const batch of later.removed.batches()) {
    removed.addBatch(batch);
    added.deleteBatch(batch);
  }
}

/**
 * Prepares a removal in steps: adds the removed numbers of the delta to `leaving`, so that `leaving` can replace them.
 * If a save begins or ends between two steps, the delta is another one, and the work starts again with it.
 *
 * @param unsaved gives the current delta; `undefined` if no save was kept yet.
 * @returns the numbers of `leaving` whose addition is not saved yet.
 */
export function* prepareRemoval(
  unsaved: () => UnsavedDelta | undefined,
  leaving: NumberSet,
): Generator<undefined, readonly Float64Array[], undefined> {
  const unsavedAdditions: Float64Array[] = [];
  let prepared: UnsavedDelta | undefined;
  for (let delta = unsaved(); delta !== undefined && delta !== prepared; delta = unsaved()) {
    prepared = delta;
    unsavedAdditions.push(...(yield* intersection(delta.added, leaving)));
    yield* addInSteps(delta.removed, leaving);
  }
  return unsavedAdditions;
}

/** Applies a prepared removal in one step. The delta owns `leaving` from now on. */
export function applyRemoval(
  delta: UnsavedDelta,
  leaving: NumberSet,
  unsavedAdditions: readonly Float64Array[],
): void {
  for (const numbers of unsavedAdditions) delta.added.deleteBatch(selectNumbers(numbers, leaving, true));
  delta.removed = leaving;
}

/** Finds the numbers that are in both sets. */
function* intersection(a: NumberSet, b: NumberSet): Generator<undefined, Float64Array[], undefined> {
  const common: Float64Array[] = [];
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const slice of slicesOf(small, LOOKED_UP_AT_ONCE)) {
    const found = selectNumbers(slice, large, true);
    if (found.length > 0) common.push(found);
    if (slice.length === LOOKED_UP_AT_ONCE) yield;
  }
  return common;
}
